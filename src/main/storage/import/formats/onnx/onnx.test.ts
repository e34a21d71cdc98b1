import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { FIXTURES } from '../../../testing/fixtures'
import {
  attribute,
  bytes,
  bytesHead,
  message,
  model,
  node,
  number,
  plainGraph,
  tensor,
  value,
  varint,
} from '../../../testing/onnx-builder'
import { scratch } from '../../../testing/scratch'
import { FileBytes } from '../../file-bytes'
import { type Inspection, inspect } from '../../inspect'
import { onnxReader } from './onnx'

const folder = mkdtempSync(join(tmpdir(), 'llmagentos-onnx-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let serial = 0
function inspected(content: Uint8Array): Promise<Inspection> {
  const path = join(folder, `${serial++}.onnx`)
  writeFileSync(path, content)
  return inspect({ kind: 'path', path }, scratch())
}

async function readable(content: Uint8Array): Promise<Extract<Inspection, { outcome: 'readable' }>> {
  const inspection = await inspected(content)
  if (inspection.outcome !== 'readable') throw new Error(inspection.findings[0]?.message)
  return inspection
}

async function rejection(content: Uint8Array): Promise<{ code: string; message: string }> {
  const inspection = await inspected(content)
  if (inspection.outcome !== 'rejected') throw new Error('it was accepted')
  expect(inspection.findings.every((finding) => finding.severity === 'reject')).toBe(true)
  return inspection.findings[0]!
}

describe('reading ONNX', () => {
  it('reads the real models as their makers describe them', async () => {
    const inspection = await readable(readFileSync(join(FIXTURES, 'silero_vad_v5.onnx')))
    expect(inspection.signature.inputs).toEqual([
      { name: 'input', dtype: 'float32', shape: [null, null] },
      { name: 'state', dtype: 'float32', shape: [2, null, 128] },
      { name: 'sr', dtype: 'int64', shape: [] },
    ])
    expect(inspection.metadata).toMatchObject({ irVersion: 8, opset: 16, producer: 'spox' })
    const mnist = await readable(readFileSync(join(FIXTURES, 'mnist_cnn.onnx')))
    expect(mnist.signature).toEqual({
      inputs: [{ name: 'image', dtype: 'float32', shape: ['N', 1, 28, 28] }],
      outputs: [{ name: 'probs', dtype: 'float32', shape: ['N', 10] }],
    })
    // conv 8x1x3x3+8, conv 16x8x3x3+16, linear 784->32 and 32->10 with biases
    const weights = mnist.tensors.map(({ shape }) => shape.reduce((count, size) => count * size, 1))
    expect(weights.reduce((sum, count) => sum + count, 0)).toBe(26_698)
    expect(mnist.tensors).toContainEqual(
      expect.objectContaining({ name: expect.stringContaining('bias'), dtype: 'float32', shape: [10] }),
    )
    expect(mnist.metadata).toMatchObject({ parameters: 26_698, precision: 'float32', producer: 'pytorch' })
    expect(mnist.metadata['operators']).toEqual(['Relu 3', 'Conv 2', 'Gemm 2', 'Flatten 1', 'Softmax 1'])
  })

  it('takes the inputs that are no weights', async () => {
    const graph = [
      tensor('w', [2, 3]),
      value(11, 'w', [2, 3]),
      value(11, 'x', ['batch', 3]),
      value(12, 'y', null),
    ]
    const { signature, metadata } = await readable(model({ graph }))
    expect(signature.inputs.map((input) => input.name)).toEqual(['x'])
    expect(signature.inputs[0]?.shape).toEqual(['batch', 3])
    expect(metadata['parameters']).toBe(6)
  })

  it('counts weights and operators of subgraphs, and sees external data hidden there', async () => {
    const branch = message(6, node('Sin'), tensor('deep', [5]))
    const graph = [...plainGraph(), node('If', '', attribute(branch))]
    const { metadata } = await readable(model({ graph }))
    expect(metadata['parameters']).toBe(5)
    expect(metadata['operators']).toContain('Sin 1')
    const hidden = message(6, tensor('deep', [1], { external: { location: '../../etc/passwd' } }))
    expect(
      (await rejection(model({ graph: [...plainGraph(), node('If', '', attribute(hidden))] }))).code,
    ).toBe('storage.unsafe')
  })

  it.each([
    ['parent', '../w.bin'],
    ['inner parent', 'a/../../w.bin'],
    ['absolute', '/etc/passwd'],
    ['drive', 'C:\\w.bin'],
    ['backslash', 'a\\w.bin'],
    ['address', 'file:///etc/passwd'],
    ['control character', 'w\0.bin'],
    ['empty', ''],
  ])('refuses external data with an unsafe location: %s', async (_, location) => {
    const graph = [...plainGraph(), tensor('w', [1], { external: { location } })]
    expect((await rejection(model({ graph }))).code).toBe('storage.unsafe')
  })

  it.each([
    ['negative offset', { offset: '-4' }],
    ['negative length', { length: '-4' }],
    ['no number', { offset: '0x10' }],
    ['beyond 2^53', { offset: '9999999999999999' }],
    ['past the end', { offset: '13' }],
    ['length past the end', { length: '17' }],
    ['length too short for the shape', { length: '8' }],
  ])('refuses external data with impossible places: %s', async (_, place) => {
    writeFileSync(join(folder, 'w.bin'), Buffer.alloc(16))
    const graph = [...plainGraph(), tensor('w', [4], { external: { location: 'w.bin', ...place } })]
    expect((await rejection(model({ graph }))).code).toMatch(/^storage\.(unsafe|incomplete|unreadable)$/)
  })

  it('takes external data that fits, named beside a single file', async () => {
    writeFileSync(join(folder, 'w.bin'), Buffer.alloc(16))
    const graph = [...plainGraph(), tensor('w', [4], { external: { location: 'w.bin' } })]
    expect((await readable(model({ graph }))).files.map((file) => file.path)).toEqual([
      expect.stringMatching(/onnx$/),
      'w.bin',
    ])
  })

  it('warns of operators that the runtime does not have, unless the model brings them', async () => {
    const graph = [...plainGraph(), node('PyOp', 'ai.onnx.contrib')]
    expect((await readable(model({ graph }))).findings).toMatchObject([
      { severity: 'warn', code: 'storage.custom_operators' },
    ])
    const own = message(25, bytes(1, 'PyOp'), bytes(10, 'ai.onnx.contrib'))
    expect((await readable(model({ graph, extra: [own] }))).findings).toEqual([])
  })

  it('warns of a model without outputs, and says which values no tensor holds', async () => {
    expect((await readable(model({ graph: [value(11, 'x', [1])] }))).findings[0]?.code).toBe(
      'storage.no_signature',
    )
    const sequence = message(12, bytes(1, 'maps'), message(2, message(4)))
    const { findings, signature } = await readable(model({ graph: [...plainGraph(), sequence] }))
    expect(findings).toMatchObject([{ severity: 'info', code: 'storage.unsupported_type' }])
    expect(signature.outputs.map((output) => output.name)).toEqual(['y'])
  })

  it.each([
    ['dimensions that overflow', tensor('w', [2 ** 40, 2 ** 40])],
    ['a negative dimension', tensor('w', [-1])],
    [
      'weights that overflow together',
      Buffer.concat([tensor('a', [2 ** 52]), tensor('b', [2 ** 52]), tensor('c', [2 ** 52])]),
    ],
    ['fewer bytes than the shape', tensor('w', [4], { raw: new Uint8Array(12) })],
    ['a dimension beyond 64 bits', message(5, Uint8Array.from([8, ...Array<number>(11).fill(0xff)]))],
  ])('refuses %s', async (_, field) => {
    expect((await rejection(model({ graph: [...plainGraph(), field] }))).code).toBe('storage.unreadable')
  })

  it('refuses graphs nested without end', async () => {
    let graph = message(6, node('Sin'))
    for (let depth = 0; depth < 60; depth++) graph = message(6, node('If', '', attribute(graph)))
    expect((await rejection(model({ graph: [node('If', '', attribute(graph))] }))).message).toContain(
      'nested too deeply',
    )
  })

  it('keeps what the file says of itself, within bounds', async () => {
    const extra = [
      message(14, bytes(1, 'license'), bytes(2, 'MIT')),
      message(14, bytes(1, '__proto__'), bytes(2, 'x')),
      message(14, bytes(1, 'opset'), bytes(2, 'spoofed')),
      bytes(6, 'd'.repeat(100_000)),
    ]
    const { metadata } = await readable(model({ extra }))
    expect(metadata).toMatchObject({ license: 'MIT', opset: 17 })
    expect(metadata['description']).toHaveLength(4000)
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype)
  })

  it('reads a 100 MB model in well under a second, about 100 kB of it', async () => {
    const path = join(folder, 'large.onnx')
    const tensors = 10
    const values = 2_500_000
    const inner = Buffer.concat([number(1, values), number(2, 1), bytes(8, 'w'), bytesHead(9, values * 4)])
    const size = inner.length + values * 4
    const outer = Buffer.from([...varint(5 * 8 + 2), ...varint(size)])
    const tail = Buffer.concat([value(11, 'x', [1]), value(12, 'y', [1])])
    const graphSize = tensors * (outer.length + size) + tail.length
    const descriptor = openSync(path, 'w')
    let position = 0
    const put = (content: Uint8Array) => {
      writeSync(descriptor, content, 0, content.length, position)
      position += content.length
    }
    put(Buffer.concat([number(1, 8), bytesHead(7, graphSize)]))
    for (let count = 0; count < tensors; count++) {
      put(Buffer.concat([outer, inner]))
      position += values * 4
    }
    put(tail)
    ftruncateSync(descriptor, position)
    closeSync(descriptor)
    const input = openSync(path, 'r')
    const file = new FileBytes(input, statSync(path).size, 'large.onnx')
    const { metadata } = await onnxReader.read(file, {
      files: [],
      find: () => {
        throw new Error('no other file')
      },
    })
    closeSync(input)
    expect(metadata['parameters']).toBe(tensors * values)
    expect(file.size).toBeGreaterThan(100_000_000)
    expect(file.bytesRead).toBeLessThan(100_000)
  })

  it('ends on any damage to a real model, described or rejected', async () => {
    const good = readFileSync(join(FIXTURES, 'mnist_cnn.onnx')).subarray(0, 3000)
    const whole = model({ graph: [...plainGraph(), tensor('w', [4], { raw: new Uint8Array(16) })] })
    return fc.assert(
      fc.asyncProperty(
        fc.constantFrom(good, whole),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
        fc.nat(),
        async (original, flips, cut) => {
          const damaged = Buffer.from(original.subarray(0, 1 + (cut % original.length)))
          for (const [at, byte] of flips) damaged[at % damaged.length] = byte
          const inspection = await inspected(damaged)
          if (inspection.outcome === 'rejected') expect(inspection.findings.length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 400 },
    )
  })
})
