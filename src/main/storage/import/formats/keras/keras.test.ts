import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { TensorInfo } from '../../../../../shared/contract'
import { FIXTURES } from '../../../testing/fixtures'
import { scratch } from '../../../testing/scratch'
import { zip } from '../../../testing/zip-builder'
import { type Inspection, inspect } from '../../inspect'
import { type ByteRange, Hdf5Error, readTensors } from '../hdf5'

const KERAS = join(FIXTURES, 'keras')
const fixture = (name: string) => readFileSync(join(KERAS, name))
const root = await mkdtemp(join(tmpdir(), 'llmagentos-keras-'))
afterAll(() => rm(root, { recursive: true, force: true }))

let serial = 0
async function inspected(content: Uint8Array): Promise<Inspection> {
  const path = join(root, String(serial++))
  await writeFile(path, content)
  return inspect({ kind: 'path', path }, scratch())
}

function readable(inspection: Inspection): Extract<Inspection, { outcome: 'readable' }> {
  if (inspection.outcome !== 'readable') throw new Error(inspection.findings[0]?.message)
  return inspection
}

const listed = (tensors: readonly TensorInfo[]) =>
  tensors.map(({ name, dtype, shape }) => `${name} ${dtype} [${shape}]`).sort()

const rangeOf = (content: Buffer): ByteRange => ({
  size: content.length,
  slice(position, length) {
    if (position < 0 || length < 0 || position + length > content.length)
      throw new RangeError('it reads outside the file')
    return content.subarray(position, position + length)
  },
})

/** The content of the first archive with its entries changed. */
function repacked(
  change: (weights: Buffer) => { content: Buffer; sizeBytes?: number; method?: number },
): Buffer {
  const whole = fixture('flowers.keras')
  const entries = ['metadata.json', 'config.json', 'model.weights.h5'].map((name) => {
    const at = whole.indexOf(name) + name.length
    const content = whole.subarray(at, at + whole.readUInt32LE(whole.indexOf(name) - 30 + 22))
    return { name, content }
  })
  return zip(
    entries.map(({ name, content }) =>
      name.endsWith('.h5') ? { name, ...change(content) } : { name, content },
    ),
  )
}

describe('the weights of Keras models', () => {
  it('of an HDF5 file are listed without the state of its optimizer', async () => {
    const found = readable(await inspected(fixture('flowers.h5')))
    expect(listed(found.tensors)).toEqual([
      'hidden0/flowers/hidden0/bias float32 [5]',
      'hidden0/flowers/hidden0/kernel float32 [4,5]',
      'kind/flowers/kind/bias float32 [3]',
      'kind/flowers/kind/kernel float32 [5,3]',
      'norm/flowers/norm/beta float32 [5]',
      'norm/flowers/norm/gamma float32 [5]',
      'norm/flowers/norm/moving_mean float32 [5]',
      'norm/flowers/norm/moving_variance float32 [5]',
    ])
    // What Keras's own count_params says.
    expect(found.metadata).toMatchObject({ parameters: 63, precision: 'float32' })
  })

  it.each([
    ['flowers.keras', 'float32'],
    ['flowers-bf16.keras', 'bfloat16'],
  ])('of the archive %s are listed, in the precision they have', async (name, precision) => {
    const found = readable(await inspected(fixture(name)))
    expect(listed(found.tensors)).toContain(`layers/dense/vars/0 ${precision} [4,5]`)
    expect(found.tensors).toHaveLength(8)
    expect(found.metadata).toMatchObject({ parameters: 63, precision })
  })

  it('are listed too where the archive was packed anew', async () => {
    const found = readable(
      await inspected(
        repacked((content) => ({ content: deflateRawSync(content), sizeBytes: content.length })),
      ),
    )
    expect(found.metadata).toMatchObject({ parameters: 63, precision: 'float32' })
  })

  it('that were cut short are refused; of others that cannot be listed the model says so', async () => {
    const whole = fixture('flowers.h5')
    const cut = await inspected(whole.subarray(0, whole.length - 100))
    expect(cut).toMatchObject({ outcome: 'rejected', findings: [{ code: 'storage.unreadable' }] })
    const damaged = Buffer.from(whole)
    damaged.fill(0xff, 96, 140)
    const found = readable(await inspected(damaged))
    expect(found.findings).toMatchObject([{ code: 'storage.no_tensors' }, { code: 'storage.no_runtime' }])
    expect(found.metadata).not.toHaveProperty('parameters')
  })
})

/** Its link to another file made one by name: kind 64 becomes 1. */
function withoutOutside(content: Buffer): Buffer {
  const inside = Buffer.from(content)
  const at = inside.indexOf('elsewhere')
  inside[inside.lastIndexOf(64, at)] = 1
  return inside
}

describe('HDF5', () => {
  it('is read as it has been written since 1.8: links in fractal heaps, objects linked twice once', () => {
    const tensors = readTensors(rangeOf(withoutOutside(fixture('dense-groups.h5'))))
    const expected = Array.from(
      { length: 100 },
      (_, i) => `layers/a-layer-with-a-longer-name-${i} float16 [${i + 1},2]`,
    )
    const [few, ...none] = tensors.filter(({ name }) => name.startsWith('few/'))
    expect(few).toMatchObject({ dtype: 'int8', shape: [] })
    expect(none).toEqual([])
    expect(listed(tensors.filter(({ name }) => name.startsWith('layers/')))).toEqual(expected.sort())
  })

  it('is never followed to another file: that is refused', async () => {
    const found = await inspected(fixture('dense-groups.h5'))
    expect(found).toMatchObject({ outcome: 'rejected', findings: [{ code: 'storage.unsafe' }] })
    expect(found.findings[0]?.message).toContain('"elsewhere" leads to another file')
  })

  it.each(['flowers.h5', 'dense-groups.h5'])('%s: whatever is damaged, it ends soon and well', (name) => {
    const good = fixture(name)
    const damage = fc.record({
      flips: fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 40 }),
      // Whole numbers replaced: what flips of single bytes seldom make of addresses and counts.
      words: fc.array(
        fc.tuple(fc.nat(good.length - 8), fc.constantFrom(0n, 1n, 96n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n)),
        { maxLength: 5 },
      ),
      copies: fc.array(fc.tuple(fc.nat(good.length - 64), fc.nat(good.length - 64)), { maxLength: 3 }),
      end: fc.oneof(fc.constant(good.length), fc.nat(good.length)),
    })
    return fc.assert(
      fc.property(damage, ({ flips, words, copies, end }) => {
        const bad = Buffer.from(good)
        for (const [at, byte] of flips) bad[at] = byte
        for (const [at, word] of words) bad.writeBigUInt64LE(word, at)
        for (const [from, to] of copies) good.copy(bad, to, from, from + 64)
        let reads = 0
        const range = rangeOf(bad.subarray(0, end))
        const counted = {
          size: range.size,
          slice(at: number, length: number) {
            reads++
            return range.slice(at, length)
          },
        }
        try {
          for (const { shape } of readTensors(counted)) expect(shape.every(Number.isSafeInteger)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(Hdf5Error)
        }
        expect(reads).toBeLessThan(20_000)
      }),
      { numRuns: 2000 },
    )
  })

  it('a header of nothing but messages, and a name without end, end at its budget', () => {
    const message = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0])
    const bad = Buffer.concat([fixture('flowers.h5').subarray(0, 96), Buffer.alloc(32_000_000, message)])
    bad.writeBigUInt64LE(BigInt(bad.length), 40)
    bad.set([1, 0, 0xff, 0xff, 1, 0, 0, 0], 96)
    bad.writeUInt32LE(31_000_000, 104)
    expect(bad.readBigUInt64LE(64)).toBe(96n)
    expect(() => readTensors(rangeOf(bad))).toThrow('more structure than any real one')
  })

  it('a group that leads to itself, by every name it has, is read once', () => {
    const bad = withoutOutside(fixture('dense-groups.h5'))
    const root = bad.readBigUInt64LE(36)
    // Every address of an object header becomes that of the root.
    for (let at = bad.indexOf('OHDR'); at >= 0; at = bad.indexOf('OHDR', at + 1)) {
      const address = Buffer.alloc(8)
      address.writeBigUInt64LE(BigInt(at))
      for (let link = bad.indexOf(address, 48); link >= 0; link = bad.indexOf(address, link + 1))
        bad.writeBigUInt64LE(root, link)
    }
    expect(readTensors(rangeOf(bad))).toEqual([])
  })
})
