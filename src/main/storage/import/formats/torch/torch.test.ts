import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { FIXTURES } from '../../../testing/fixtures'
import { scratch } from '../../../testing/scratch'
import { zip } from '../../../testing/zip-builder'
import { type Inspection, inspect } from '../../inspect'
import { readPickle, weightsOnly } from '../pickle'

const folder = mkdtempSync(join(tmpdir(), 'llmagentos-torch-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let serial = 0
function inspected(content: Uint8Array, extension = 'pt'): Promise<Inspection> {
  const path = join(folder, `${serial++}.${extension}`)
  writeFileSync(path, content)
  return inspect({ kind: 'path', path }, scratch())
}

async function readable(content: Uint8Array): Promise<Extract<Inspection, { outcome: 'readable' }>> {
  const inspection = await inspected(content)
  if (inspection.outcome !== 'readable') throw new Error(inspection.findings[0]?.message)
  return inspection
}

async function why(content: Uint8Array): Promise<string> {
  const inspection = await inspected(content)
  if (inspection.outcome !== 'rejected') throw new Error('it was accepted')
  return inspection.findings.map((finding) => `${finding.code} ${finding.message}`).join(' ')
}

const fixture = (name: string) => readFileSync(join(FIXTURES, name))

describe('PyTorch archives', () => {
  it('are read as the programs and weights they are, tensor by tensor', async () => {
    const names = [
      'c1.weight',
      'c1.bias',
      'c2.weight',
      'c2.bias',
      'f1.weight',
      'f1.bias',
      'f2.weight',
      'f2.bias',
    ]
    const script = await readable(fixture('mnist_cnn.pt'))
    expect(script).toMatchObject({
      format: 'torchscript',
      framework: 'PyTorch',
      signature: {
        inputs: [{ name: 'x', dtype: 'float32', shape: ['...'] }],
        outputs: [{ name: 'output', dtype: 'float32', shape: ['...'] }],
      },
      findings: [],
    })
    expect(script.tensors.map((tensor) => tensor.name)).toEqual(names)
    const state = await readable(fixture('mnist_cnn_state.pth'))
    expect(state).toMatchObject({ format: 'torch-state', signature: { inputs: [], outputs: [] } })
    expect(state.tensors).toEqual(script.tensors)
    expect(state.tensors[2]).toEqual({ name: 'c2.weight', dtype: 'float32', shape: [16, 8, 3, 3] })
    expect(state.metadata).toEqual({ parameters: 26698, precision: 'float32' })
  })

  const pickle = (...pieces: (string | number[])[]) =>
    Buffer.concat(
      pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : Buffer.from(piece))),
    )
  const archive = (data: Buffer, more: Record<string, Buffer> = {}) =>
    zip([
      { name: 'archive/data.pkl', content: data },
      ...Object.entries(more).map(([name, content]) => ({ name: `archive/${name}`, content })),
    ])

  it.each([
    ['a call of os.system', pickle('\x80\x02cos\nsystem\nX\x02\0\0\0lsR.'), 'os.system, which runs code'],
    [
      'a name put together from the memo',
      pickle('\x80\x04\x8c\x06system\x940\x8c\x02os\x940h\x01h\x00\x93.'),
      'os.system',
    ],
    [
      'a name that is not allowed, though nobody calls it',
      pickle('\x80\x02cmy.lib\nThing\n.'),
      'my.lib.Thing',
    ],
    ['the extension registry', pickle('\x80\x02\x82\x01.'), 'extension registry'],
    ['an opcode that does not exist', pickle('\x80\x02\xff.'), 'unknown operation 0xff'],
    ['a class hidden behind INST', pickle('(ios\nsystem\n.'), 'os.system'],
    ['bytes after its end', pickle('\x80\x02N.', 'cos\nsystem\n.'), 'bytes follow its end'],
    ['a stack that is empty', pickle('\x80\x02R.'), 'empty stack'],
    [
      'a length beyond its end',
      pickle('\x80\x04\x8d', [255, 255, 255, 255, 255, 255, 255, 255], '.'),
      'more bytes than can exist',
    ],
    ['buffers from outside', pickle('\x80\x05\x97.'), 'outside the file'],
  ])('refuse %s', async (_, data, words) => {
    const message = await why(archive(data))
    expect(message).toContain('storage.unsafe')
    expect(message).toContain(words)
    expect(message).toContain('nothing of it has run')
  })

  it('refuse a second pickle beside the first', async () => {
    const evil = pickle('\x80\x02cos\nsystem\nX\x02\0\0\0lsR.')
    expect(await why(archive(pickle('\x80\x02}.'), { 'extra.pkl': evil }))).toContain('os.system')
    const twice = zip([
      { name: 'archive/data.pkl', content: pickle('\x80\x02}.') },
      { name: 'archive/data.pkl', content: evil },
    ])
    expect(await why(twice)).toContain('twice')
    const folded = zip([
      { name: 'archive/data.pkl', content: pickle('\x80\x02}.') },
      { name: 'archive/DATA.PKL', content: evil },
    ])
    expect(await why(folded)).toContain('twice')
  })

  it('refuse weights that are missing, short, or reach behind their storage', async () => {
    const tensor = (elements: string, size: string) =>
      pickle(
        '\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu',
        elements,
        'tQK\0',
        size,
        '\x85K\x01\x85\x89}tRs.',
      )
    const bytes = { 'data/0': Buffer.alloc(16) }
    expect((await readable(archive(tensor('K\x04', 'K\x04'), bytes))).metadata['parameters']).toBe(4)
    expect(await why(archive(tensor('K\x04', 'K\x04')))).toContain('lacks the weights "0"')
    expect(await why(archive(tensor('K\x05', 'K\x04'), bytes))).toContain('16 bytes, but 20 are needed')
    expect(await why(archive(tensor('K\x04', 'K\x05'), bytes))).toContain('behind the end of its storage')
  })

  it('refuse a program that reaches for files, and warn of operators that PyTorch does not have', async () => {
    const code = (line: string) => ({
      'constants.pkl': pickle('\x80\x02).'),
      'code/__torch__.py': Buffer.from(
        `class Net(Module):\n  def forward(self: __torch__.Net,\n    x: Tensor) -> Tensor:\n    ${line}\n    return x\n`,
      ),
    })
    const data = pickle('\x80\x02c__torch__\nNet\n)\x81}b.')
    expect(await why(archive(data, code('y = torch.from_file("/etc/passwd")')))).toContain('torch.from_file')
    const custom = await readable(archive(data, code('y = ops.torchvision.nms(x)')))
    expect(custom.findings).toMatchObject([{ severity: 'warn', code: 'storage.custom_operators' }])
    expect(custom.signature.inputs).toHaveLength(1)
  })

  it.each(['mnist_cnn.pt', 'mnist_cnn_state.pth', 'imports/good/weights_only.pt'])(
    'end on any damage, described or refused: %s',
    async (name) => {
      const good = fixture(name)
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
          fc.nat({ max: good.length }),
          fc.boolean(),
          async (flips, cut, isCut) => {
            const damaged = Buffer.from(isCut ? good.subarray(0, cut) : good)
            for (const [at, byte] of flips)
              if (damaged.length > 0) damaged[damaged.length - 1 - (at % damaged.length)] = byte
            const inspection = await inspected(damaged)
            if (inspection.outcome === 'rejected') expect(inspection.findings[0]?.message).toMatch(/\.$/)
          },
        ),
        { numRuns: 150 },
      )
    },
  )
})

describe('pickles on their own', () => {
  it('are kept with a warning when they hold plain values, and refused when they name anything', async () => {
    const plain = await inspected(Buffer.from('\x80\x04}\x94\x8c\x01aK\x01s.', 'latin1'), 'pkl')
    expect(plain).toMatchObject({ outcome: 'readable', format: 'pickle', findings: [{ severity: 'warn' }] })
    expect(await why(Buffer.from('\x80\x02cnumpy\nload\n.', 'latin1'))).toContain('numpy.load')
  })

  it('never crash the reader, whatever the bytes', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          readPickle(Buffer.from(bytes), weightsOnly)
        } catch (error) {
          expect((error as Error).name).toMatch(/^(?:PickleError|ForbiddenGlobal)$/)
        }
      }),
      { numRuns: 3000 },
    ))
})

describe('ZIP archives', () => {
  const content = Buffer.from('x'.repeat(100))
  it.each([
    ['an entry that leads out (zip slip)', zip([{ name: '../evil', content }]), 'leads out of the folder'],
    ['an absolute entry', zip([{ name: '/etc/evil', content }]), 'is absolute'],
    ['a drive', zip([{ name: 'C:/evil', content }]), 'is absolute'],
    ['backslashes that lead out', zip([{ name: '..\\evil', content }]), 'leads out of the folder'],
    ['backslashes and slashes', zip([{ name: 'a/..\\evil', content }]), 'backslash'],
    ['a link', zip([{ name: 'link', content, mode: 0o120777 }]), 'a link'],
    ['a device', zip([{ name: 'dev', content, mode: 0o060644 }]), 'neither a file nor a folder'],
    ['an encrypted entry', zip([{ name: 'a', content, flags: 1 }]), 'encrypted'],
    ['two names of one entry', zip([{ name: 'a', content, localName: 'b' }]), 'two names'],
    [
      'an overlap',
      zip([
        { name: 'a', content },
        { name: 'b', content, over: 0 },
      ]),
      'two names',
    ],
    [
      'a bomb',
      zip([{ name: 'a', content: deflateRawSync(Buffer.alloc(64 * 2 ** 20)), sizeBytes: 64 * 2 ** 20 }]),
      'bomb',
    ],
  ])('with %s are refused', async (_, bytes, words) => {
    expect(await why(bytes)).toContain(words)
  })

  it('with an entry that inflates to more than it says are refused', async () => {
    const data = deflateRawSync(Buffer.from('\x80\x02}.'.repeat(50), 'latin1'))
    const message = await why(zip([{ name: 'archive/data.pkl', content: data, sizeBytes: 4 }]))
    expect(message).toContain('storage.un')
  })
})
