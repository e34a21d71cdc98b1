import { spawnSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import {
  appendFile,
  cp,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Import } from '../../../shared/contract'
import type { ImportId } from '../../../shared/domain/ids'
import { ModelName } from '../../../shared/domain/references'
import { tarOf } from '../export/tar'
import type { Storage } from '../index'
import { FIXTURES } from '../testing/fixtures'
import {
  ANNA,
  type Bench,
  checked,
  collected,
  createBench,
  importAndSettle,
  onDisk,
  settled,
} from '../testing/harness'
import { bytesHead, model, node, number, plainGraph, value } from '../testing/onnx-builder'

const CORPUS = join(FIXTURES, 'imports')
const Item = z.object({
  file: z.string(),
  expected: z.string(),
  also_ok: z.array(z.string()).default([]),
  reason: z.string(),
})
const corpus = z
  .object({ items: z.array(Item) })
  .parse(JSON.parse(await readFile(join(CORPUS, 'index.json'), 'utf8'))).items

let bench: Bench
let storage: Storage

beforeEach(async () => {
  bench = await createBench()
  ;({ storage } = await bench.open())
})
afterEach(() => bench.dispose())

/** What takes so long on any machine that the process that reads it tells of it several times: each 100 ms. */
const LONG_MEGABYTES = 600

/** An ONNX file of `megabytes` with one weight of zeros: a hole on disks that know holes. */
async function largeModel(name: string, megabytes: number, seed = 1): Promise<string> {
  const path = join(bench.folder, name)
  const values = megabytes * 262_144
  const head = Buffer.concat([number(1, values), number(2, 1), bytesHead(9, values * 4)])
  const tail = Buffer.concat([node('Identity'), value(11, 'x', [1]), value(12, 'y', [1])])
  const weight = Buffer.concat([bytesHead(5, head.length + values * 4), head])
  const front = Buffer.concat([
    number(1, 8),
    number(5, seed),
    bytesHead(7, tail.length + weight.length + values * 4),
    tail,
    weight,
  ])
  await writeFile(path, front)
  await truncate(path, front.length + values * 4)
  return path
}

async function expectNothingLeft(): Promise<void> {
  expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
  expect(storage.listModels()).toEqual([])
}

describe('the corpus', () => {
  it.each(corpus.map((item) => [item.file, item] as const))('%s', async (file, item) => {
    const outcome = await importAndSettle(storage, join(CORPUS, file))
    expect([item.expected, ...item.also_ok], item.reason).toContain(outcome.verdict)
    if (outcome.verdict === 'accept') {
      expect(outcome.state).toBe('completed')
      return
    }
    expect(outcome.state).toBe(outcome.verdict === 'warn' ? 'waiting' : 'rejected')
    if (outcome.verdict === 'warn') return
    expect(outcome.findings.at(-1)?.message).toMatch(/^[A-Z"].{20,}\.$/)
    await expectNothingLeft()
  })

  it('names the format it does not take', async () => {
    const said = async (file: string) =>
      (await importAndSettle(storage, join(CORPUS, file))).findings.map((finding) =>
        [finding.code, finding.message].join(' '),
      )
    expect(await said('generic/png_named.onnx')).toEqual([expect.stringMatching(/unknown_format .*PNG/)])
  })

  // Windows has no such names; the rules that make them safe are tested everywhere in name.test.ts.
  it
    .runIf(process.platform !== 'win32')
    .each(['<img src=x onerror=alert(1)>.onnx', `${'n'.repeat(245)}.onnx`, 'a\nb\u202Exnno.onnx', '-.onnx'])(
    'takes a file named %j under a safe name',
    async (name) => {
      await cp(join(CORPUS, 'good/identity.onnx'), join(bench.folder, name))
      const outcome = await importAndSettle(storage, join(bench.folder, name))
      expect(outcome).toMatchObject({ state: 'completed', verdict: 'accept' })
      expect(ModelName.safeParse(outcome.model).success).toBe(true)
      expect(outcome.source).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      const [file] = storage.getVersion(outcome.model ?? '', 1).files
      expect(file?.path).toMatch(/^[\w .+-]{1,124}$/)
    },
  )

  it('imports every real model of the project', async () => {
    for (const file of [
      'silero_vad_v5.onnx',
      'mnist_cnn.onnx',
      'ch_ppocr_mobile_v2.0_cls_infer.onnx',
      'basic-pitch',
    ]) {
      expect(await importAndSettle(storage, join(FIXTURES, file))).toMatchObject({
        state: 'completed',
        verdict: 'accept',
        findings: [],
      })
    }
  })
})

describe('bad input', { timeout: 180_000 }, () => {
  it('says at once that a path is not there, or not whole', async () => {
    await expect(
      storage.startImport({ kind: 'path', path: join(bench.folder, 'none.onnx') }, ANNA),
    ).rejects.toMatchObject({ code: 'storage.not_found' })
    await expect(storage.startImport({ kind: 'path', path: 'none.onnx' }, ANNA)).rejects.toMatchObject({
      code: 'system.invalid',
    })
    await expect(storage.startImport({ kind: 'path', path: '/a\0b' }, ANNA)).rejects.toMatchObject({
      code: 'storage.not_found',
    })
    await expect(
      storage.startImport({ kind: 'path', path: bench.folder, name: '../x' }, ANNA),
    ).rejects.toMatchObject({ code: 'system.invalid' })
    expect(storage.listImports()).toEqual([])
  })

  it('rejects a file that would take more memory than any model, and lives', async () => {
    const path = join(bench.folder, 'model.json')
    // 30 MB of JSON that become a gigabyte of objects.
    await writeFile(
      path,
      `{"format":"graph-model","weightsManifest":[],"modelTopology":{"node":[${'{},'.repeat(10_000_000)}{}]}}`,
    )
    const outcome = await importAndSettle(storage, path)
    expect(outcome).toMatchObject({ state: 'rejected', findings: [{ code: 'storage.unreadable' }] })
    await expectNothingLeft()
    expect(await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.onnx'))).toMatchObject({
      state: 'completed',
    })
  })

  it.each([
    ['grows', (path: string) => appendFile(path, 'more')],
    ['shrinks', (path: string) => truncate(path, 1_000_000)],
    ['is written over', (path: string) => writeFile(path, 'other', { flag: 'r+' })],
  ])('fails clearly when the file %s while it is read', async (_, change) => {
    const path = await largeModel('large.onnx', LONG_MEGABYTES)
    const started = await storage.startImport({ kind: 'path', path }, ANNA)
    await new Promise<void>((resolve) => {
      storage.onDidChangeImports(({ changed }) => {
        if ((changed[0]?.bytesDone ?? 0) > 0) resolve()
      })
    })
    await change(path)
    const outcome = await settled(storage, started.id)
    expect(outcome).toMatchObject({
      state: 'failed',
      error: {
        code: 'storage.unreadable',
        message: expect.stringContaining('changed while it was being read'),
      },
    })
    await expectNothingLeft()
  })

  it('never writes to what the person gave', async () => {
    const folder = join(bench.folder, 'pitch')
    await cp(join(FIXTURES, 'basic-pitch'), folder, { recursive: true })
    const look = async () => {
      const paths = [folder, ...(await readdir(folder)).sort().map((name) => join(folder, name))]
      return Promise.all(
        paths.map(async (path) => {
          const { ino, mode, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
          return { path, ino, mode, size, mtimeNs, ctimeNs }
        }),
      )
    }
    const before = await look()
    expect(await importAndSettle(storage, folder)).toMatchObject({ state: 'completed' })
    expect(await look()).toEqual(before)
  })
})

describe('a warning', () => {
  let waiting: Import

  beforeEach(async () => {
    const path = join(bench.folder, 'custom.onnx')
    await writeFile(path, model({ graph: [...plainGraph(), node('MyOp', 'com.example')] }))
    waiting = await importAndSettle(storage, path)
  })

  it('waits for a person and becomes a version when confirmed', async () => {
    expect(waiting).toMatchObject({ state: 'waiting', verdict: 'warn', finishedAt: null, model: null })
    expect(storage.listModels()).toEqual([])
    await collected(storage)
    const confirmed = await storage.confirmImport(waiting.id as ImportId)
    expect(confirmed).toMatchObject({ state: 'completed', model: 'custom', version: 1 })
    expect(storage.getVersion('custom', 1)).toMatchObject({
      createdBy: ANNA,
      findings: [{ severity: 'warn' }],
    })
    expect(await checked(storage)).toMatchObject({ checked: 1, missing: [] })
    await expect(storage.confirmImport(waiting.id as ImportId)).rejects.toMatchObject({
      code: 'storage.conflict',
    })
  })

  it('leaves nothing when cancelled', async () => {
    expect(await storage.cancelImport(waiting.id as ImportId)).toMatchObject({ state: 'cancelled' })
    await expectNothingLeft()
    await expect(storage.confirmImport(waiting.id as ImportId)).rejects.toMatchObject({
      code: 'storage.conflict',
    })
  })

  it('survives a restart, or fails clearly when its bytes are gone', async () => {
    await bench.close()
    const { storage: second } = await bench.open()
    expect(second.getImport(waiting.id)).toMatchObject({ state: 'waiting' })
    expect(await collected(second)).toMatchObject({ removed: 0 })
    await bench.close()
    await rm(join(bench.dataDir, 'blobs'), { recursive: true })
    const { storage: third } = await bench.open()
    expect(third.getImport(waiting.id)).toMatchObject({ state: 'failed', error: { code: 'storage.corrupt' } })
  })
})

it('says which models have the same bytes, whatever their name; they may have another name too', async () => {
  const path = join(FIXTURES, 'mnist_cnn.onnx')
  await importAndSettle(storage, path, 'digits')
  await importAndSettle(storage, path, 'numbers')
  const waiting = await importAndSettle(storage, { kind: 'path', path, review: true })
  const knownAs = ['digits', 'numbers'].map((model) => ({ model, version: 1 }))
  expect(waiting.suggestion).toEqual({ name: 'mnist-cnn', family: null, version: 1, knownAs })
  const confirmed = await storage.confirmImport(waiting.id as ImportId)
  expect(confirmed).toMatchObject({ state: 'completed', model: 'mnist-cnn', version: 1, known: false })
})

it('takes the family from what the model says, and what a person types also for a model that is there', async () => {
  const source = (extra: object) =>
    ({ kind: 'path', path: join(bench.folder, 'weights'), name: 'net', ...extra }) as const
  const write = async (value: number) => {
    await mkdir(join(bench.folder, 'weights'), { recursive: true })
    const header = Buffer.from('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    const bytes = Buffer.concat([length, header, Buffer.from([value, 0, 0, 0])])
    await writeFile(join(bench.folder, 'weights', 'model.safetensors'), bytes)
    await writeFile(join(bench.folder, 'weights', 'config.json'), '{"model_type":"bert"}')
  }
  await write(1)
  const first = await importAndSettle(storage, source({ review: true }))
  expect(first.suggestion?.family).toBe('bert')
  await storage.confirmImport(first.id as ImportId)
  expect(storage.getModel('net').family).toBe('bert')

  await write(2)
  const second = await importAndSettle(storage, source({ review: true }))
  await storage.confirmImport(second.id as ImportId, { family: 'encoders' })
  expect(storage.getModel('net').family).toBe('encoders')

  await write(3)
  const third = await importAndSettle(storage, source({ review: true }))
  expect(third.suggestion).toMatchObject({ family: 'encoders', version: 3 })
  await storage.confirmImport(third.id as ImportId)
  expect(storage.getModel('net').family).toBe('encoders')

  const again = await importAndSettle(storage, source({ review: true }))
  await storage.confirmImport(again.id as ImportId, { family: null })
  expect(storage.getModel('net')).toMatchObject({ family: null, versions: [3, 2, 1] })
})

describe('progress, cancel and many at once', { timeout: 180_000 }, () => {
  it('tells at most some ten times a second, up to the whole', async () => {
    const told: { at: number; view: Import }[] = []
    storage.onDidChangeImports(({ changed }) => {
      for (const view of changed) told.push({ at: performance.now(), view })
    })
    const outcome = await importAndSettle(storage, await largeModel('large.onnx', LONG_MEGABYTES))
    expect(outcome).toMatchObject({ state: 'completed' })
    const steps = told.filter(({ view }) => view.state === 'running' && view.bytesDone > 0)
    expect(steps.length).toBeGreaterThan(1)
    for (const [index, { at }] of steps.slice(1).entries())
      expect(at - (steps[index]?.at ?? 0)).toBeGreaterThan(50)
    const done = told.map(({ view }) => view.bytesDone)
    expect(done).toEqual([...done].sort((a, b) => a - b))
    expect(outcome.bytesDone).toBe(outcome.bytesTotal)
  })

  it('tells while an archive is unpacked, while a blob is checked, and at the end of a collection', async () => {
    const path = await largeModel('large.onnx', LONG_MEGABYTES)
    const archive = join(bench.folder, 'net.tar')
    const { size } = await stat(path)
    const entry = { path: 'large.onnx', sizeBytes: size, content: () => createReadStream(path) }
    await writeFile(archive, tarOf([entry], 0))
    const unpacked: number[] = []
    storage.onDidChangeImports(({ changed }) => {
      for (const view of changed) if (view.verdict === null) unpacked.push(view.bytesDone)
    })
    expect(await importAndSettle(storage, archive)).toMatchObject({ state: 'completed' })
    expect(Math.max(...unpacked)).toBeGreaterThan(0)

    const checkedBytes: number[] = []
    storage.onDidChangeTasks(({ changed }) => {
      for (const { bytesDone, state } of changed) if (state === 'running') checkedBytes.push(bytesDone)
    })
    expect(await checked(storage)).toMatchObject({ bytesDone: size, bytesTotal: size })
    expect(checkedBytes.some((bytes) => bytes > 0 && bytes < size)).toBe(true)

    const { id } = storage.gc(ANNA)
    expect(await storage.taskEnd(id, 60_000)).toMatchObject({ bytesDone: size, bytesTotal: size })
  })

  it('leaves nothing when cancelled, at whatever moment', async () => {
    const path = await largeModel('large.onnx', 100)
    for (const fraction of [0, 0.2, 0.5, 0.9]) {
      const started = await storage.startImport({ kind: 'path', path }, ANNA)
      if (fraction > 0) {
        await new Promise<void>((resolve) => {
          const stop = storage.onDidChangeImports(({ changed: [view] }) => {
            if (!view || view.bytesTotal === 0 || view.bytesDone / view.bytesTotal < fraction) return
            stop()
            resolve()
          })
        })
      }
      const outcome = await storage.cancelImport(started.id as ImportId)
      if (outcome.state === 'completed') {
        storage.removeVersion('large', outcome.version ?? 0)
        await collected(storage)
      } else expect(outcome).toMatchObject({ state: 'cancelled', error: null, version: null })
      await expectNothingLeft()
      expect(await storage.cancelImport(started.id as ImportId)).toEqual(storage.getImport(started.id))
    }
  })

  it('runs two at once; the others wait at zero bytes and can be cancelled there', async () => {
    const paths = await Promise.all([1, 2, 3, 4].map((seed) => largeModel(`m${seed}.onnx`, 100, seed)))
    const started = await Promise.all(paths.map((path) => storage.startImport({ kind: 'path', path }, ANNA)))
    let most = 0
    storage.onDidChangeImports(() => {
      const busy = storage.listImports().filter((view) => view.state === 'running' && view.bytesTotal > 0)
      most = Math.max(most, busy.length)
    })
    expect(await storage.cancelImport(started[3]!.id as ImportId)).toMatchObject({
      state: 'cancelled',
      bytesDone: 0,
    })
    const outcomes = await Promise.all(started.map((view) => settled(storage, view.id)))
    expect(outcomes.map((view) => view.state)).toEqual(['completed', 'completed', 'completed', 'cancelled'])
    expect(most).toBe(2)
  })

  it('makes one version of the same bytes imported at the same time', async () => {
    const path = join(FIXTURES, 'mnist_cnn.onnx')
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => importAndSettle(storage, path)))
    expect(outcomes.map((view) => [view.state, view.version])).toEqual(Array(5).fill(['completed', 1]))
    expect(outcomes.filter((view) => !view.known)).toHaveLength(1)
    const disk = await onDisk(bench.dataDir)
    expect(disk).toMatchObject({ blobs: [storage.resolve('mnist-cnn@1').digest], temporary: [] })
  })

  it('stops running imports with the system, and takes them up again when it starts', async () => {
    const path = await largeModel('large.onnx', 200)
    const started = await storage.startImport({ kind: 'path', path }, ANNA)
    await storage.dispose()
    expect(storage.getImport(started.id).state).toBe('running')
    await expectNothingLeft()
    await bench.close()
    ;({ storage } = await bench.open())
    expect(await settled(storage, started.id)).toMatchObject({ state: 'completed', model: 'large' })
  })

  it('ends an upload with the system: nobody will send it again', async () => {
    const content = Readable.from([Buffer.alloc(10)])
    const never = (async function* () {
      yield { path: 'a.onnx', content }
      await new Promise(() => undefined)
    })()
    const started = await storage.startImport({ kind: 'upload', files: never, bytesTotal: 100 }, ANNA)
    await storage.dispose()
    expect(storage.getImport(started.id)).toMatchObject({
      state: 'failed',
      error: { code: 'system.stopping' },
    })
    await expectNothingLeft()
  })

  it('lists newest first', async () => {
    for (const file of ['good/identity.onnx', 'generic/zero_byte.onnx'])
      await importAndSettle(storage, join(CORPUS, file))
    expect(storage.listImports().map((view) => view.source)).toEqual(['zero_byte.onnx', 'identity.onnx'])
  })
})

describe('a full disk', () => {
  let mount: string | null = null

  beforeEach(async () => {
    await bench.dispose()
    const place = await open('/proc/self/mounts', 'r').then(
      (file) => file.close().then(() => true),
      () => false,
    )
    const bare = await createBench()
    const dataDir = join(bare.folder, 'small')
    await mkdir(dataDir)
    const mounted =
      place && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', dataDir]).status === 0
    mount = mounted ? dataDir : null
    bench = { ...bare, dataDir }
    if (!mounted) {
      console.log(
        'A small tmpfs cannot be mounted here (it takes root on Linux): the real full disk is not tried.',
      )
      return
    }
    const small = await createBench({ dataDir })
    bench = { ...small, dispose: () => small.dispose().then(() => bare.dispose()) }
    ;({ storage } = await bench.open())
  })
  afterEach(async () => {
    await bench.close()
    if (mount) spawnSync('umount', [mount])
  })

  it('is seen before the first byte when the size is known', async () => {
    if (!mount) return
    const outcome = await importAndSettle(storage, await largeModel('large.onnx', 100))
    expect(outcome).toMatchObject({
      state: 'failed',
      bytesDone: 0,
      error: { code: 'storage.disk_full', message: expect.stringMatching(/needs 105 MB.*only .* free/) },
    })
    await expectNothingLeft()
  })

  it('while bytes come leaves nothing behind', async () => {
    if (!mount) return
    async function* endless() {
      for (let count = 0; count < 100; count++) yield Buffer.alloc(1024 * 1024)
    }
    async function* files() {
      yield { path: 'model.onnx', content: Readable.from(endless()) }
    }
    // A client that does not say how much will come.
    const outcome = await importAndSettle(storage, { kind: 'upload', files: files(), bytesTotal: 0 })
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'storage.disk_full' } })
    await expectNothingLeft()
    await expect(storage.artifacts.stage(Buffer.alloc(60 * 1024 * 1024, 1))).rejects.toMatchObject({
      code: 'storage.disk_full',
    })
    await expectNothingLeft()
    expect(await importAndSettle(storage, join(FIXTURES, 'mnist_cnn.onnx'))).toMatchObject({
      state: 'completed',
    })
  })

  it('while a file is copied leaves nothing behind', async () => {
    if (!mount) return
    // Two that each fit alone, so that both pass the check and one meets the end of the disk.
    const paths = await Promise.all([1, 2, 3].map((seed) => largeModel(`m${seed}.onnx`, 14, seed)))
    const started = await Promise.all(paths.map((path) => storage.startImport({ kind: 'path', path }, ANNA)))
    const outcomes = await Promise.all(started.map((view) => settled(storage, view.id)))
    const failed = outcomes.filter((view) => view.state === 'failed')
    expect(failed.length).toBeGreaterThan(0)
    for (const view of failed) expect(view.error?.code).toBe('storage.disk_full')
    const disk = await onDisk(bench.dataDir)
    expect(disk.temporary).toEqual([])
    expect(disk.blobs).toHaveLength(outcomes.length - failed.length)
  })
})

it('follows a link that the person chose', async () => {
  if (process.platform === 'win32') return
  await symlink(join(FIXTURES, 'mnist_cnn.onnx'), join(bench.folder, 'linked.onnx'))
  expect(await importAndSettle(storage, join(bench.folder, 'linked.onnx'))).toMatchObject({
    state: 'completed',
    model: 'linked',
  })
})
