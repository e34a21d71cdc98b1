import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ModelSummary } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import type { Storage } from './index'
import { FIXTURES } from './testing/fixtures'
import {
  ANNA,
  type Bench,
  checked,
  collected,
  copyOfFixture,
  createBench,
  importAndSettle,
  onDisk,
} from './testing/harness'
import { inProcessWorker } from './testing/in-process-worker'
import { model, number } from './testing/onnx-builder'

const BEN = 'usr-ben' as PrincipalId

let bench: Bench
let storage: Storage
const users = new Map<string, string[]>()

beforeEach(async () => {
  users.clear()
  bench = await createBench({ withWorker: false })
  ;({ storage } = await bench.open({
    startWorker: inProcessWorker,
    usersOf: (name, version) => users.get(`${name}@${version}`) ?? [],
  }))
})
afterEach(() => bench.dispose())

/** A small valid model whose bytes depend on `seed`. */
async function modelFile(name: string, seed: number): Promise<string> {
  const path = join(bench.folder, name)
  await writeFile(path, model({ extra: [number(5, seed)] }))
  return path
}

function errorOf(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('versions', () => {
  it('gives a dropped file of the same name the next version, and known bytes none', async () => {
    await importAndSettle(storage, await modelFile('net_v1.onnx', 1))
    const second = await importAndSettle(storage, await modelFile('net_v2.onnx', 2))
    expect(second).toMatchObject({
      state: 'completed',
      model: 'net',
      version: 2,
      known: false,
      verdict: 'accept',
    })
    const again = await importAndSettle(storage, await modelFile('net (1).onnx', 1))
    expect(again).toMatchObject({ state: 'completed', model: 'net', version: 1, known: true })
    expect(storage.getModel('net')).toMatchObject({ latest: 2, versions: [2, 1], aliases: [] })
    expect((await onDisk(bench.dataDir)).blobs).toHaveLength(2)
  })

  it('stores the same bytes of two models once, read-only', async () => {
    await importAndSettle(storage, await modelFile('a.onnx', 1), 'first')
    await importAndSettle(storage, await modelFile('b.onnx', 1), 'second')
    expect(storage.listModels().map((summary) => summary.name)).toEqual(['first', 'second'])
    const [file] = storage.resolve('second@1').files
    expect((await onDisk(bench.dataDir)).blobs).toEqual([file?.digest])
    expect((await stat(file!.absolutePath)).mode & 0o777).toBe(0o444)
    expect(await storage.usage()).toMatchObject({ blobs: 1, blobBytes: file?.sizeBytes })
  })

  it('says who made it, from what, and where its bytes lie', async () => {
    const outcome = await importAndSettle(storage, join(FIXTURES, 'basic-pitch'))
    const version = storage.getVersion('basic-pitch', 1)
    expect(version).toMatchObject({
      createdBy: ANNA,
      lineage: { source: 'basic-pitch', import: outcome.id },
      format: 'tfjs-graph',
    })
    // sha256sum over the canonical list, computed by hand with printf
    expect(version.digest).toBe('64bc9c94e1dccfb613bd46bb01f15dbc7bb2c8f0ff652197647ba65c3c75d12d')
    const resolved = storage.resolve('basic-pitch@1')
    expect(resolved.files.map((file) => file.path)).toEqual(['model.json', 'group1-shard1of1.bin'])
    expect(await readFile(resolved.files[0]!.absolutePath)).toEqual(
      await readFile(join(FIXTURES, 'basic-pitch/model.json')),
    )
  })

  it('never gives a removed number again', async () => {
    await importAndSettle(storage, await modelFile('net.onnx', 1))
    storage.removeVersion('net', 1)
    expect(errorOf(() => storage.getModel('net')).code).toBe('storage.not_found')
    expect(storage.listModels()).toEqual([])
    const again = await importAndSettle(storage, await modelFile('net.onnx', 1))
    expect(again).toMatchObject({ version: 2, known: false })
  })

  it('refuses to remove what an alias or a job needs, and frees the rest', async () => {
    await importAndSettle(storage, await modelFile('net.onnx', 1))
    await importAndSettle(storage, await modelFile('net.onnx', 2))
    storage.setAlias('net', 'production', 1, ANNA)
    users.set('net@2', ['job-7'])
    expect(errorOf(() => storage.removeVersion('net', 1))).toMatchObject({
      code: 'storage.in_use',
      details: { aliases: ['production'] },
    })
    expect(errorOf(() => storage.removeVersion('net', 2)).message).toContain('job-7')
    storage.removeAlias('net', 'production', ANNA)
    storage.removeVersion('net', 1)
    const freed = await collected(storage)
    expect(freed.removed).toBe(1)
    expect(freed.freedBytes).toBeGreaterThan(50)
    expect((await onDisk(bench.dataDir)).blobs).toEqual([storage.resolve('net@2').digest])
  })

  it('tells its listeners what changed', async () => {
    const seen: { changed: ModelSummary[]; removed: string[] }[] = []
    storage.onDidChangeModels((change) => seen.push(change))
    await importAndSettle(storage, await modelFile('net.onnx', 1))
    storage.setAlias('net', 'stable', 1, ANNA)
    storage.setAlias('net', 'stable', 1, ANNA)
    storage.removeAlias('net', 'stable', ANNA)
    storage.removeVersion('net', 1)
    expect(seen.map((change) => change.changed[0]?.aliases.length ?? change.removed)).toEqual([
      0,
      1,
      0,
      ['net'],
    ])
  })
})

describe('aliases', () => {
  beforeEach(async () => {
    await importAndSettle(storage, await modelFile('net.onnx', 1))
    await importAndSettle(storage, await modelFile('net.onnx', 2))
  })

  it('move with their history', () => {
    storage.setAlias('net', 'production', 1, ANNA)
    storage.setAlias('net', 'production', 2, BEN)
    expect(storage.resolve('net@production')).toMatchObject({ version: 2, alias: 'production' })
    expect(storage.getVersion('net', 2).aliases).toEqual(['production'])
    storage.removeAlias('net', 'production', BEN)
    expect(storage.aliasHistory('net').map(({ from, to, by }) => ({ from, to, by }))).toEqual([
      { from: 2, to: null, by: BEN },
      { from: 1, to: 2, by: BEN },
      { from: null, to: 1, by: ANNA },
    ])
  })

  it('hold "latest" for the newest version', () => {
    expect(storage.resolve('net@latest')).toMatchObject({ version: 2, alias: 'latest' })
    expect(errorOf(() => storage.setAlias('net', 'latest', 1, ANNA)).code).toBe('storage.conflict')
    expect(errorOf(() => storage.removeAlias('net', 'latest', ANNA)).code).toBe('storage.conflict')
  })

  it.each([
    ['none@1', 'no model named "none"'],
    ['net@9', 'no version 9'],
    ['net@beta', 'no alias "beta"'],
    ['net', 'no model reference'],
  ])('say which part of %s is missing', (reference, message) => {
    expect(errorOf(() => storage.resolve(reference))).toMatchObject({
      code: 'storage.not_found',
      message: expect.stringContaining(message),
    })
  })

  it('point only to versions that are there', () => {
    expect(errorOf(() => storage.setAlias('net', 'stable', 9, ANNA)).code).toBe('storage.not_found')
    expect(errorOf(() => storage.setAlias('net', 'Not Valid', 1, ANNA)).code).toBe('system.invalid')
    expect(storage.aliasHistory('net')).toEqual([])
  })

  it('survive a restart', async () => {
    storage.setAlias('net', 'production', 1, ANNA)
    await bench.close()
    const reopened = await bench.open({ startWorker: inProcessWorker })
    expect(reopened.storage.resolve('net@production').version).toBe(1)
    expect(reopened.storage.aliasHistory('net')).toHaveLength(1)
  })
})

describe('files', () => {
  it('are read whole or in part', async () => {
    await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.onnx'))
    const bytes = await readFile(join(FIXTURES, 'mnist_cnn.onnx'))
    const whole = storage.openFile('model', 'mnist-cnn', 1, 'mnist_cnn.onnx')
    expect(whole.file.sizeBytes).toBe(bytes.length)
    expect(await buffer(whole.content)).toEqual(bytes)
    const part = storage.openFile('model', 'mnist-cnn', 1, 'mnist_cnn.onnx', { start: 100, end: 199 })
    expect(await buffer(part.content)).toEqual(bytes.subarray(100, 200))
  })

  it.each([
    { start: -1, end: 5 },
    { start: 5, end: 4 },
    { start: 0, end: 107_926 },
    { start: 0.5, end: 4 },
    { start: 0, end: Number.NaN },
  ])('refuse the range %j', async (range) => {
    await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.onnx'))
    expect(errorOf(() => storage.openFile('model', 'mnist-cnn', 1, 'mnist_cnn.onnx', range)).code).toBe(
      'system.invalid',
    )
  })

  it('lead nowhere but to the files of the version', async () => {
    await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.onnx'))
    for (const path of ['../test.db', '/etc/passwd', '', 'mnist_cnn.onnx/']) {
      expect(errorOf(() => storage.openFile('model', 'mnist-cnn', 1, path)).code).toBe('storage.not_found')
    }
  })

  it('stay readable while they are removed', async () => {
    await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.onnx'))
    const { content } = storage.openFile('model', 'mnist-cnn', 1, 'mnist_cnn.onnx')
    storage.removeVersion('mnist-cnn', 1)
    expect((await collected(storage)).removed).toBe(1)
    expect((await buffer(content)).length).toBe(107_926)
  })
})

describe('diff', () => {
  it('says what changed', async () => {
    const folder = await copyOfFixture('basic-pitch', join(bench.folder, 'pitch'))
    await importAndSettle(storage, folder)
    await writeFile(join(folder, 'README.md'), 'read me')
    const text = await readFile(join(folder, 'model.json'), 'utf8')
    await writeFile(
      join(folder, 'model.json'),
      text.replace('"size": "43844"', '"size": "1000"').replace('v3.13.0', 'v4.0.0'),
    )
    await importAndSettle(storage, folder)
    const diff = storage.diff('pitch', 1, 2)
    expect(diff).toMatchObject({ from: 1, to: 2, compatible: false, outputs: [] })
    expect(diff.inputs).toMatchObject([
      { name: 'input_2', from: { shape: [null, 43844, 1] }, to: { shape: [null, 1000, 1] } },
    ])
    expect(diff.metadata.map((change) => change.key)).toEqual(['convertedBy'])
    expect(diff.files).toMatchObject([
      { path: 'README.md', change: 'added', fromBytes: 0, toBytes: 7 },
      { path: 'model.json', change: 'changed' },
    ])
    expect(storage.diff('pitch', 1, 1)).toMatchObject({
      compatible: true,
      inputs: [],
      files: [],
      metadata: [],
    })
  })
})

describe('maintenance', () => {
  it('finds damaged and missing blobs, and a new import of the bytes mends them', async () => {
    await importAndSettle(storage, await modelFile('a.onnx', 1))
    await importAndSettle(storage, await modelFile('b.onnx', 2))
    await importAndSettle(storage, await modelFile('c.onnx', 3))
    const [a, b, c] = ['a', 'b', 'c'].map((name) => storage.resolve(`${name}@1`))
    await chmod(a!.files[0]!.absolutePath, 0o644)
    const bytes = await readFile(a!.files[0]!.absolutePath)
    bytes[10] = (bytes[10] ?? 0) ^ 1
    await writeFile(a!.files[0]!.absolutePath, bytes)
    await rm(b!.files[0]!.absolutePath, { force: true })
    expect(await checked(storage)).toMatchObject({ checked: 2, damaged: [a!.digest], missing: [b!.digest] })
    expect(errorOf(() => storage.openFile('model', 'b', 1, 'b.onnx')).code).toBe('storage.corrupt')
    await importAndSettle(storage, await modelFile('a.onnx', 1))
    await importAndSettle(storage, await modelFile('b.onnx', 2))
    const after = await checked(storage)
    expect(after).toMatchObject({ checked: 3, damaged: [], missing: [] })
    expect(after.checkedBytes).toBe(a!.sizeBytes + b!.sizeBytes + c!.sizeBytes)
  })

  it('does not take for missing what is removed and imported anew beside a check', async () => {
    const hashes: (() => void)[] = []
    const open = await bench.open({
      startWorker: () => {
        const worker = inProcessWorker()
        return {
          ...worker,
          hash: async (...file) => {
            await new Promise<void>((resolve) => hashes.push(resolve))
            return worker.hash(...file)
          },
        }
      },
    })
    for (const seed of [1, 2, 3])
      await importAndSettle(open.storage, await modelFile(`net${seed}.onnx`, seed))
    const order = (await readdir(join(bench.dataDir, 'blobs'))).filter((name) => name.length === 2)
    expect(order.length).toBe(3)
    const second = [1, 2, 3].find((seed) =>
      open.storage.resolve(`net${seed}@1`).digest.startsWith(order[1] ?? '?'),
    ) as number
    const check = checked(open.storage)
    await expect.poll(() => hashes.length).toBe(1)
    open.storage.removeVersion(`net${second}`, 1)
    await collected(open.storage)
    hashes[0]?.()
    await expect.poll(() => hashes.length).toBe(2)
    await importAndSettle(open.storage, await modelFile(`net${second}.onnx`, second))
    hashes[1]?.()
    expect(await check).toMatchObject({ state: 'completed', checked: 2, damaged: [], missing: [] })
  })

  it('stops a check when asked, and tells so', async () => {
    await importAndSettle(storage, await modelFile('a.onnx', 1))
    const seen: string[] = []
    storage.onDidChangeTasks(({ changed }) => seen.push(...changed.map((task) => task.state)))
    const { id } = storage.verify(ANNA)
    expect(storage.verify(ANNA).id).toBe(id)
    expect((await storage.cancelTask(id)).state).toBe('cancelled')
    expect(seen.at(-1)).toBe('cancelled')
    expect((await checked(storage)).state).toBe('completed')
  })

  it('passes over what else lies in the folder', async () => {
    await importAndSettle(storage, await modelFile('a.onnx', 1))
    await mkdir(join(bench.dataDir, 'blobs', 'ff'), { recursive: true })
    await writeFile(join(bench.dataDir, 'blobs', 'ff', 'notes.txt'), 'mine')
    expect(await collected(storage)).toEqual({ removed: 0, freedBytes: 0 })
    expect(await readFile(join(bench.dataDir, 'blobs', 'ff', 'notes.txt'), 'utf8')).toBe('mine')
  })
})

describe('uploads', () => {
  it('become versions like dropped files', async () => {
    async function* files() {
      for (const name of ['group1-shard1of1.bin', 'model.json']) {
        yield {
          path: `basic-pitch/${name}`,
          content: Readable.from(await readFile(join(FIXTURES, 'basic-pitch', name))),
        }
      }
    }
    const outcome = await importAndSettle(storage, { kind: 'upload', files: files(), bytesTotal: 1_000_000 })
    expect(outcome).toMatchObject({
      state: 'completed',
      source: 'basic-pitch',
      model: 'basic-pitch',
      version: 1,
      bytesTotal: 916_929,
    })
    const dropped = await importAndSettle(storage, join(FIXTURES, 'basic-pitch'))
    expect(dropped).toMatchObject({ version: 1, known: true })
    expect((await onDisk(bench.dataDir)).temporary).toEqual([])
  })

  it.each(['../model.onnx', '/etc/model.onnx', 'a/../../model.onnx', 'C:\\model.onnx', 'a\0.onnx'])(
    'refuse the path %j',
    async (path) => {
      async function* files() {
        yield { path, content: Readable.from(model()) }
      }
      const outcome = await importAndSettle(storage, { kind: 'upload', files: files(), bytesTotal: 100 })
      expect(outcome).toMatchObject({
        state: 'rejected',
        findings: [{ code: 'storage.unsafe', severity: 'reject' }],
      })
      expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
    },
  )

  it('fail when the stream breaks, and leave nothing', async () => {
    async function* broken() {
      yield Buffer.alloc(1000)
      throw new Error('connection reset')
    }
    async function* files() {
      yield { path: 'model.onnx', content: Readable.from(broken()) }
    }
    const outcome = await importAndSettle(storage, { kind: 'upload', files: files(), bytesTotal: 5000 })
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'storage.incomplete' } })
    expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
  })

  it('can be cancelled while nothing comes', async () => {
    async function* files() {
      yield { path: 'model.onnx', content: new Readable({ read() {} }) }
    }
    const started = await storage.startImport({ kind: 'upload', files: files(), bytesTotal: 5000 }, ANNA)
    const outcome = await storage.cancelImport(started.id as never)
    expect(outcome).toMatchObject({ state: 'cancelled', error: null })
    expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
  })

  it('without a file are rejected', async () => {
    async function* files() {}
    const outcome = await importAndSettle(storage, { kind: 'upload', files: files(), bytesTotal: 0 })
    expect(outcome).toMatchObject({ state: 'rejected', verdict: 'reject' })
  })
})
