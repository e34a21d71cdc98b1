import { createHash, randomBytes } from 'node:crypto'
import { readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ImportId } from '../../../shared/domain/ids'
import type { Storage } from '../index'
import { ANNA, type Bench, createBench, onDisk, settled } from '../testing/harness'
import { inProcessWorker } from '../testing/in-process-worker'
import { openSource, type SourceFile, stateOf } from './source'
import { copyFile } from './transfer'
import type { FileWorker } from './worker'

const MIB = 1024 * 1024

let bench: Bench
beforeEach(async () => {
  bench = await createBench()
})
afterEach(() => bench.dispose())

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('a copy that was broken off', () => {
  const content = randomBytes(40 * MIB + 5)
  let source: SourceFile
  let part: string
  beforeEach(async () => {
    const path = join(bench.folder, 'source')
    await writeFile(path, content)
    const { only } = openSource({ kind: 'path', path })
    if (!only) throw new Error('no file')
    source = only
    part = join(bench.folder, 'part')
  })

  it('is gone on with behind what was synced; what may be zeros after a loss of power is copied again', async () => {
    const synced = Buffer.from(content.subarray(0, 32 * MIB)).fill('kept', 0, 1000)
    await writeFile(part, Buffer.concat([synced, Buffer.alloc(3 * MIB + 1)]))
    const expected = Buffer.concat([synced, content.subarray(32 * MIB)])
    const told: number[] = []
    const result = await copyFile(source, part, (bytesDone) => told.push(bytesDone))
    expect(result).toEqual({ digest: sha256(expected), sizeBytes: content.length })
    expect(Buffer.compare(await readFile(part), expected)).toBe(0)
    expect(told).toEqual([...told].sort((a, b) => a - b))
  })

  it.each([0, 1, 16 * MIB, 16 * MIB + 1, 40 * MIB, content.length, content.length + 7])(
    'is whole in the end when it was broken off after %i bytes',
    async (bytes) => {
      await writeFile(part, Buffer.concat([content, Buffer.alloc(7)]).subarray(0, bytes))
      const whole = { digest: sha256(content), sizeBytes: content.length }
      expect(await copyFile(source, part, () => undefined)).toEqual(whole)
      expect(await copyFile(source, part, () => undefined), 'of a whole, read-only one').toEqual(whole)
      expect(Buffer.compare(await readFile(part), content)).toBe(0)
    },
  )
})

// Half a gigabyte is copied each time.
describe('an import that was interrupted', { timeout: 180_000 }, () => {
  let storage: Storage
  let path: string
  const bytes = 512 * MIB

  /** Safetensors with one tensor of zeros, and some noise at its end. */
  async function writeModel(seed: number): Promise<void> {
    const places = JSON.stringify({ w: { dtype: 'U8', shape: [bytes], data_offsets: [0, bytes] } })
    const head = Buffer.alloc(8)
    head.writeBigUInt64LE(BigInt(places.length))
    await writeFile(path, Buffer.concat([head, Buffer.from(places)]))
    await truncate(path, 8 + places.length + bytes - 4)
    const tail = Buffer.alloc(4, seed)
    await writeFile(path, tail, { flag: 'a' })
  }

  const parts = async () => (await onDisk(bench.dataDir)).temporary

  /** Begins, stops in the middle of the copy, and tells what is left. */
  async function interrupted(): Promise<{ id: ImportId; part: string; inode: number }> {
    const { id } = await storage.startImport({ kind: 'path', path, name: 'net' }, ANNA)
    await expect
      .poll(() => storage.getImport(id).bytesDone, { timeout: 60_000, interval: 5 })
      .toBeGreaterThan(64 * MIB)
    await bench.close()
    const [part = ''] = await parts()
    const { size, ino } = await stat(join(bench.dataDir, 'blobs/incoming', part))
    expect(size).toBeGreaterThan(64 * MIB)
    return { id: id as ImportId, part, inode: ino }
  }

  beforeEach(async () => {
    path = join(bench.folder, 'net.safetensors')
    await writeModel(1)
    ;({ storage } = await bench.open())
  })

  it('goes on with its bytes; those of imports that are no more are removed', async () => {
    const { id, inode } = await interrupted()
    for (const name of ['imp-dead~0123', '123-4'])
      await writeFile(join(bench.dataDir, 'blobs/incoming', name), 'garbage')
    ;({ storage } = await bench.open())
    const outcome = await settled(storage, id)
    expect(outcome).toMatchObject({ state: 'completed', model: 'net', version: 1 })
    const [file] = storage.resolve('net@1').files
    expect((await stat(file?.absolutePath ?? '')).ino).toBe(inode)
    expect(file?.digest).toBe(sha256(await readFile(path)))
    expect(await parts()).toEqual([])
  })

  it('begins again when its source has changed meanwhile', async () => {
    const { id, inode } = await interrupted()
    await writeModel(2)
    ;({ storage } = await bench.open())
    expect(await settled(storage, id)).toMatchObject({ state: 'completed' })
    const [file] = storage.resolve('net@1').files
    expect(file?.digest).toBe(sha256(await readFile(path)))
    expect((await stat(file?.absolutePath ?? '')).ino).not.toBe(inode)
    expect(await parts()).toEqual([])
  })

  it('leaves nothing when it is cancelled, or its source is gone', async () => {
    const { id } = await interrupted()
    ;({ storage } = await bench.open())
    expect(await storage.cancelImport(id)).toMatchObject({ state: 'cancelled' })
    expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
    const second = await interrupted()
    await rm(path)
    ;({ storage } = await bench.open())
    expect(await settled(storage, second.id)).toMatchObject({ state: 'failed' })
    expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
  })
})

it('goes on with the bytes of a data set that was being profiled when the system ended', async () => {
  const path = join(bench.folder, 't.csv')
  await writeFile(path, 'a,b\n1,2\n')
  let profiling = () => undefined as unknown
  const begun = new Promise((resolve) => {
    profiling = () => resolve(null)
  })
  const neverProfiled = (): FileWorker => ({
    ...inProcessWorker(),
    profile: (_format, _files, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        profiling()
      }),
  })
  const first = await bench.open({ startWorker: neverProfiled })
  const { id } = await first.storage.startImport({ kind: 'path', path, name: 't' }, ANNA)
  await begun
  await bench.close()
  const { blobs, temporary } = await onDisk(bench.dataDir)
  expect([blobs, temporary.map((name) => name.split('~')[0])]).toEqual([[], [id]])
  const { storage } = await bench.open({ startWorker: inProcessWorker })
  expect(await settled(storage, id)).toMatchObject({ state: 'completed', dataset: 't' })
  expect(storage.getDatasetVersion('t', 1)).toMatchObject({ rows: 1 })
})

it('tells states of a file apart', async () => {
  const path = join(bench.folder, 'file')
  await writeFile(path, 'one')
  const state = () => stateOf(openSource({ kind: 'path', path }).only as SourceFile)
  const first = state()
  expect(state()).toBe(first)
  await utimes(path, new Date(0), new Date(0))
  expect(state()).not.toBe(first)
})
