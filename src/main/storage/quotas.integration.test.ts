import { createWriteStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ImportId, PrincipalId } from '../../shared/domain/ids'
import { tarOf } from './export/tar'
import type { Storage } from './index'
import { FIXTURES } from './testing/fixtures'
import { ANNA, type Bench, createBench, importAndSettle, onDisk, settled } from './testing/harness'
import { bytes, model } from './testing/onnx-builder'

const BERT = 'usr-bert' as PrincipalId

let bench: Bench
let storage: Storage
beforeEach(async () => {
  bench = await createBench()
  ;({ storage } = await bench.open())
})
afterEach(() => bench.dispose())

/** A model of some 100 KB; each has bytes of its own. */
async function modelOf(name: string): Promise<{ path: string; sizeBytes: number }> {
  const content = model({ extra: [bytes(6, `${name} ${'.'.repeat(100_000)}`)] })
  const path = join(bench.folder, `${name}.onnx`)
  await writeFile(path, content)
  return { path, sizeBytes: content.length }
}

const OVER = { state: 'failed', error: { code: 'storage.quota_exceeded' } }

it('counts what a principal made, whole, and gives it back when it is deleted', async () => {
  const { path, sizeBytes } = await modelOf('a')
  expect(storage.getQuota(ANNA)).toEqual({ principal: ANNA, limitBytes: null, usedBytes: 0 })
  await importAndSettle(storage, path, 'a')
  await importAndSettle(storage, path, 'b')
  // Two versions, though their bytes lie on the disk once; another's are another's.
  expect(storage.getQuota(ANNA).usedBytes).toBe(2 * sizeBytes)
  expect(storage.getQuota(BERT).usedBytes).toBe(0)
  const rows = '{"a":1}\n'.repeat(100)
  await writeFile(join(bench.folder, 'rows.jsonl'), rows)
  await importAndSettle(storage, join(bench.folder, 'rows.jsonl'))
  expect(storage.getQuota(ANNA).usedBytes).toBe(2 * sizeBytes + rows.length)
  storage.removeVersion('b', 1)
  expect(storage.getQuota(ANNA).usedBytes).toBe(sizeBytes + rows.length)
})

it('is refused before a byte is copied where the size is known, and holds after a restart', async () => {
  const { path, sizeBytes } = await modelOf('a')
  storage.setQuota(ANNA, sizeBytes - 1)
  await bench.close()
  ;({ storage } = await bench.open())
  expect(await importAndSettle(storage, path)).toMatchObject({ ...OVER, bytesDone: 0 })
  expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
  storage.setQuota(ANNA, sizeBytes)
  expect(await importAndSettle(storage, path)).toMatchObject({ state: 'completed' })
  // The same bytes again are no more than there was.
  storage.setQuota(ANNA, 2 * sizeBytes)
  expect(await importAndSettle(storage, path)).toMatchObject({ state: 'completed', known: true })
  storage.setQuota(ANNA, null)
  expect(storage.getQuota(ANNA).limitBytes).toBeNull()
})

it('is refused while bytes arrive that nobody has announced', async () => {
  storage.setQuota(ANNA, 1_000_000)
  let sent = 0
  async function* endless() {
    for (; sent < 1000; sent++) yield Buffer.alloc(100_000)
  }
  async function* files() {
    yield { path: 'model.onnx', content: Readable.from(endless()) }
  }
  expect(await importAndSettle(storage, { kind: 'upload', files: files(), bytesTotal: 0 })).toMatchObject(
    OVER,
  )
  expect(sent).toBeLessThan(100)
  expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
})

it('is refused while an archive is unpacked', async () => {
  storage.setQuota(ANNA, 1_000_000)
  const archive = join(bench.folder, 'net.tar.gz')
  const zeros = { path: 'zeros', sizeBytes: 2 ** 28, content: pieces }
  function* pieces() {
    for (let i = 0; i < 256; i++) yield Buffer.alloc(2 ** 20)
  }
  // So large that only its beginning is unpacked before it is refused; a tar within a gzip is not known by its size.
  await pipeline(tarOf([zeros], 0), createGzip({ level: 0 }), createWriteStream(archive))
  let most = 0
  storage.onDidChangeImports(({ changed: [view] }) => {
    most = Math.max(most, view?.bytesDone ?? 0)
  })
  expect(await importAndSettle(storage, archive)).toMatchObject({ ...OVER, verdict: null })
  expect(most).toBeLessThan(2 ** 28)
  expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
})

it('counts what imports that began before are bringing', async () => {
  storage.setQuota(ANNA, 8_000_000)
  let goOn: () => void = () => undefined
  const waits = new Promise<void>((resolve) => {
    goOn = resolve
  })
  async function* slow() {
    yield Buffer.alloc(5_000_000)
    await waits
  }
  async function* files(content: () => AsyncIterable<Buffer> | Iterable<Buffer>) {
    yield { path: 'model.onnx', content: Readable.from(content()) }
  }
  const first = await storage.startImport({ kind: 'upload', files: files(slow), bytesTotal: 5_000_000 }, ANNA)
  const five = () => [Buffer.alloc(5_000_000)]
  expect(
    await importAndSettle(storage, { kind: 'upload', files: files(five), bytesTotal: 5_000_000 }),
  ).toMatchObject(OVER)
  expect(storage.getImport(first.id)).toMatchObject({ state: 'running' })
  goOn()
  expect(await settled(storage, first.id)).toMatchObject({ state: 'rejected' })
})

it('imports at the same time do not pass it together', async () => {
  const models = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(modelOf))
  storage.setQuota(ANNA, 250_000)
  const started = await Promise.all(
    models.map(({ path }) => storage.startImport({ kind: 'path', path }, ANNA)),
  )
  const ends = await Promise.all(started.map(({ id }) => settled(storage, id)))
  expect(ends.filter(({ state }) => state === 'completed')).toHaveLength(2)
  for (const end of ends) if (end.state !== 'completed') expect(end).toMatchObject(OVER)
  expect(storage.getQuota(ANNA).usedBytes).toBeLessThanOrEqual(250_000)
  // The bytes of the others are gone.
  expect((await onDisk(bench.dataDir)).blobs).toHaveLength(2)
})

it('what waits for a confirmation counts, and is not counted twice when it is confirmed', async () => {
  const { path, sizeBytes } = await modelOf('a')
  const waiting = await importAndSettle(storage, { kind: 'path', path, review: true })
  expect(waiting.state).toBe('waiting')
  expect(storage.getQuota(ANNA).usedBytes).toBe(sizeBytes)
  storage.setQuota(ANNA, sizeBytes + 50_000)
  const other = await modelOf('b')
  expect(await importAndSettle(storage, { kind: 'path', path: other.path, review: true })).toMatchObject(OVER)
  await storage.confirmImport(waiting.id as ImportId)
  expect(storage.getQuota(ANNA).usedBytes).toBe(sizeBytes)
  // A limit below what is there takes nothing away.
  storage.setQuota(ANNA, 0)
  expect(storage.getModel('a').versions).toEqual([1])
})

it('nothing of a refused version is left in any table', async () => {
  const { path } = await modelOf('a')
  await importAndSettle(storage, path)
  const before = JSON.stringify(storage.listModels())
  storage.setQuota(ANNA, storage.getQuota(ANNA).usedBytes + 10)
  const again = join(bench.folder, 'other.onnx')
  await writeFile(again, await readFile(join(FIXTURES, 'mnist_cnn.onnx')))
  expect(await importAndSettle(storage, again, 'a')).toMatchObject(OVER)
  expect(JSON.stringify(storage.listModels())).toBe(before)
})
