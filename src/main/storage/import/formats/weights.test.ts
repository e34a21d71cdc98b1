import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { FIXTURES } from '../../testing/fixtures'
import { scratch } from '../../testing/scratch'
import { type Inspection, inspect } from '../inspect'

const folder = mkdtempSync(join(tmpdir(), 'llmagentos-weights-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let serial = 0
function inspected(content: Uint8Array, extension: string): Promise<Inspection> {
  const path = join(folder, `${serial++}.${extension}`)
  writeFileSync(path, content)
  return inspect({ kind: 'path', path }, scratch())
}

function folderOf(files: Record<string, Uint8Array | string>): Promise<Inspection> {
  const path = join(folder, String(serial++))
  mkdirSync(path)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content)
  return inspect({ kind: 'path', path }, scratch())
}

function readable(inspection: Inspection): Extract<Inspection, { outcome: 'readable' }> {
  if (inspection.outcome !== 'readable') throw new Error(inspection.findings[0]?.message)
  return inspection
}

function why(inspection: Inspection): string {
  if (inspection.outcome !== 'rejected') throw new Error('it was accepted')
  return inspection.findings.map((finding) => `${finding.code} ${finding.message}`).join(' ')
}

/** Damages a real file at random: every end is a description or a refusal, and a refusal is a sentence. */
async function endsWell(good: Buffer, extension: string): Promise<void> {
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 })
  const length = fc.oneof(fc.constant(good.length), fc.nat(good.length))
  await fc.assert(
    fc.asyncProperty(flips, length, async (flips, length) => {
      const damaged = Buffer.from(good.subarray(0, length))
      // Most of the header lies at the beginning.
      for (const [at, byte] of flips) if (length > 0) damaged[at % Math.min(length, 2000)] = byte
      const inspection = await inspected(damaged, extension)
      if (inspection.outcome === 'rejected') expect(inspection.findings[0]?.message).toMatch(/\.$/)
      // No format here has less than a bit for a number. A damaged count may leave fewer tensors, each of them whole.
      else if (inspection.outcome === 'readable')
        expect(numbersIn(inspection.tensors) / 8).toBeLessThanOrEqual(length)
    }),
    { numRuns: 300 },
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), async (length) => {
      expect(await inspected(good.subarray(0, length), extension)).toMatchObject({ outcome: 'rejected' })
    }),
  )
}

function numbersIn(tensors: readonly { shape: number[] }[]): number {
  return tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0)
}

/** A safetensors file with this header text and so many bytes of data. */
function safetensors(header: object | string, dataBytes: number, claimed?: bigint): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(claimed ?? BigInt(text.length))
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)])
}
const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
})

describe('safetensors', () => {
  it('reads the real classifier: tensors, parameters, precision', async () => {
    const found = readable(await inspected(readFileSync(join(FIXTURES, 'mnist_cnn.safetensors')), 'bin'))
    expect(found).toMatchObject({ format: 'safetensors', signature: { inputs: [], outputs: [] } })
    const parameters = numbersIn(found.tensors)
    expect(found.metadata).toMatchObject({ parameters, precision: 'F32' })
    expect(found.tensors.length).toBeGreaterThan(3)
    expect(found.findings).toMatchObject([{ severity: 'info', code: 'storage.no_graph' }])
  })

  it.each([
    ['a header longer than the file', safetensors({}, 0, 2n ** 40n), 'claims 1099511627776 bytes'],
    ['a header longer than any number', safetensors({}, 0, 2n ** 64n - 1n), ''],
    ['overlapping tensors', safetensors({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12), 'shares its bytes'],
    [
      'a hole between tensors',
      safetensors({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
      'a gap of 4 bytes',
    ],
    ['bytes after the last tensor', safetensors({ a: f32([1], 0, 4) }, 9), 'belong to no tensor'],
    ['a tensor past the end', safetensors({ a: f32([4], 0, 16) }, 8), 'cut short'],
    ['a shape that is not its size', safetensors({ a: f32([3], 0, 8) }, 8), 'its shape and type need 12'],
    [
      'a product that overflows',
      safetensors({ a: f32([2 ** 40, 2 ** 40], 0, 8) }, 8),
      'more values than can exist',
    ],
    ['an unknown type', safetensors({ a: { ...f32([1], 0, 4), dtype: 'toString' } }, 4), 'unknown type'],
    [
      'two tensors of one name, of which readers see different ones',
      safetensors(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      'names "a" twice',
    ],
    [
      'the same hidden behind an escape',
      safetensors(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      'names "a" twice',
    ],
    ['metadata that is no text', safetensors({ __metadata__: { a: 1 } }, 0), 'no text'],
  ])('refuses %s', async (_, bytes, words) => {
    const message = why(await inspected(bytes, 'safetensors'))
    expect(message).toContain('storage.unreadable')
    expect(message).toContain(words)
  })

  it('reads shards by their index, with what lies beside them', async () => {
    const index = { weight_map: { a: 'm-00001-of-00002.safetensors', b: 'm-00002-of-00002.safetensors' } }
    const files = {
      'model.safetensors.index.json': JSON.stringify(index),
      'm-00001-of-00002.safetensors': safetensors({ a: f32([2], 0, 8) }, 8),
      'm-00002-of-00002.safetensors': safetensors({ b: f32([1], 0, 4) }, 4),
      'config.json': JSON.stringify({ architectures: ['Net'], model_type: 'net' }),
      'README.md': '---\nlicense: apache-2.0\n---\n',
    }
    const found = readable(await folderOf(files))
    expect(found.metadata).toMatchObject({ parameters: 3, architectures: ['Net'], license: 'apache-2.0' })
    expect(found.files.map((file) => file.path)).toEqual([
      'model.safetensors.index.json',
      'README.md',
      'config.json',
      'm-00001-of-00002.safetensors',
      'm-00002-of-00002.safetensors',
    ])
    const { 'm-00002-of-00002.safetensors': gone, ...rest } = files
    expect(gone).toBeDefined()
    expect(why(await folderOf(rest))).toContain('which is not there')
    const lying = { ...files, 'm-00002-of-00002.safetensors': safetensors({ c: f32([1], 0, 4) }, 4) }
    expect(why(await folderOf(lying))).toContain('but it does not')
    const outside = JSON.stringify({ weight_map: { a: '../m.safetensors' } })
    expect(why(await folderOf({ 'model.safetensors.index.json': outside }))).toContain(
      'leads out of the folder',
    )
  })

  it('asks for the other shards when one is given alone', async () => {
    const path = join(folder, 'm-00001-of-00002.safetensors')
    writeFileSync(path, safetensors({ a: f32([1], 0, 4) }, 4))
    expect(why(await inspect({ kind: 'path', path }, scratch()))).toContain('one of several shards')
  })

  it('ends on any damage to a real file', () =>
    endsWell(readFileSync(join(FIXTURES, 'mnist_cnn.safetensors')), 'safetensors'))
})

/** A GGUF file from pieces: numbers as given, everything little endian. */
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const u64 = (value: number | bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])
const pair = (key: string, type: number, ...value: Buffer[]) =>
  Buffer.concat([text(key), u32(type), ...value])
const tensor = (name: string, dims: (number | bigint)[], type: number, offset: number) =>
  Buffer.concat([text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset)])
function gguf(pairs: Buffer[], tensors: Buffer[], dataBytes: number, version = 3): Buffer {
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(tensors.length),
    u64(pairs.length),
    ...pairs,
    ...tensors,
  ])
  return Buffer.concat([
    head,
    Buffer.alloc(Math.ceil(head.length / 32) * 32 - head.length),
    Buffer.alloc(dataBytes),
  ])
}

describe('GGUF', () => {
  it('reads the real language model', async () => {
    const found = readable(await inspected(readFileSync(join(FIXTURES, 'tiny-story.gguf')), 'bin'))
    expect(found).toMatchObject({ format: 'gguf', framework: 'GGUF' })
    expect(found.metadata).toMatchObject({ ggufArchitecture: 'llama', blockCount: 3 })
    expect(found.metadata['parameters']).toBeGreaterThan(1000)
    expect(found.title).toBeTruthy()
  })

  const one = tensor('w', [8], 0, 0)
  it.each([
    [
      'a number of values that overflows',
      Buffer.concat([Buffer.from('GGUF'), u32(3), u64(0), u64(2n ** 64n - 1n)]),
      'more than can exist',
    ],
    [
      'a number of tensors without bytes for them',
      Buffer.concat([Buffer.from('GGUF'), u32(3), u64(2 ** 40), u64(0)]),
      'bytes are left',
    ],
    ['a version of the future', gguf([], [one], 32, 9), 'version 9'],
    ['a text longer than the file', gguf([pair('a', 8, u64(2 ** 50))], [one], 32), 'claims'],
    [
      'an array longer than the file',
      gguf([pair('a', 9, u32(4), u64(2 ** 40))], [one], 32),
      'bytes are left',
    ],
    [
      'arrays in arrays without end',
      gguf([pair('a', 9, u32(9), u64(1), u32(9), u64(1), u32(9), u64(1))], [one], 64),
      'nested too deeply',
    ],
    [
      'a key named twice',
      gguf([pair('a', 7, Buffer.of(1)), pair('a', 7, Buffer.of(1))], [one], 32),
      'names "a" twice',
    ],
    ['a value of an unknown type', gguf([pair('a', 77)], [one], 32), 'unknown type 77'],
    ['a tensor past the end', gguf([], [tensor('w', [1000], 0, 0)], 32), 'after the file'],
    ['tensors over each other', gguf([], [one, tensor('v', [8], 0, 0)], 64), 'shares its bytes'],
    [
      'a product that overflows',
      gguf([], [tensor('w', [2 ** 40, 2 ** 40], 0, 0)], 32),
      'more values than can exist',
    ],
    ['half a block', gguf([], [tensor('w', [31], 2, 0)], 32), 'whole blocks of Q4_0'],
    ['a place that is not aligned', gguf([], [tensor('w', [4], 0, 8)], 64), 'multiple of 32'],
    ['an alignment of zero', gguf([pair('general.alignment', 4, u32(0))], [one], 32), 'power of two'],
    ['too many dimensions', gguf([], [tensor('w', [1, 1, 1, 1, 1, 1, 1, 1, 1], 0, 0)], 32), '9 dimensions'],
  ])('refuses %s', async (_, bytes, words) => {
    const message = why(await inspected(bytes, 'gguf'))
    expect(message).toContain('storage.unreadable')
    expect(message).toContain(words)
  })

  it('warns of tensor types it does not know: their sizes are not checked', async () => {
    const found = readable(await inspected(gguf([], [tensor('w', [8], 200, 0)], 32), 'gguf'))
    expect(found.findings).toMatchObject([{ severity: 'warn' }])
  })

  it('reads shards by the name of the first, and refuses a missing or wrong one', async () => {
    const shard = (number: number) =>
      gguf(
        [pair('split.count', 2, Buffer.of(2, 0)), pair('split.no', 2, Buffer.of(number, 0))],
        [tensor(`w${number}`, [8], 0, 0)],
        32,
      )
    const files = { 'm-00001-of-00002.gguf': shard(0), 'm-00002-of-00002.gguf': shard(1) }
    const found = readable(await folderOf(files))
    expect(found.metadata['parameters']).toBe(16)
    expect(found.files.map((file) => file.path)).toEqual(Object.keys(files))
    expect(why(await folderOf({ 'm-00001-of-00002.gguf': shard(0) }))).toContain('which is not there')
    expect(why(await folderOf({ ...files, 'm-00002-of-00002.gguf': shard(0) }))).toContain('is shard 2')
  })

  it('ends on any damage to a real file', () =>
    endsWell(readFileSync(join(FIXTURES, 'tiny-story.gguf')), 'gguf'))
})
