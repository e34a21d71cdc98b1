import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRouterClient } from '@orpc/server'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type {
  EngineView,
  Feed,
  Import,
  Job,
  LineageGraph,
  MadeFrom,
  ModelSummary,
  RuntimeView,
  StorageTask,
} from '../../shared/contract'
import { shortId } from '../../shared/domain/ids'
import type { AppError } from '../../shared/errors'
import { createHarness, type Harness, type Opened, until } from '../compute/testing/harness'
import type { Caller } from '../security'
import { openBench, type Bench as SecurityBench } from '../security/testing'
import type { ImportSource, Storage, StorageDeps } from '../storage'
import type { FileWorker } from '../storage/import/worker'
import { FIXTURES } from '../storage/testing/fixtures'
import { createBench, type Bench as StorageBench, settled } from '../storage/testing/harness'
import { inProcessWorker } from '../storage/testing/in-process-worker'
import { bytes, model, plainGraph } from '../storage/testing/onnx-builder'
import { assertMayManage, mayName } from './authorize'
import type { Modules } from './modules'
import { createRouter, type Router } from './router'
import { matchDownload } from './transports/downloads'

const TABLE = 'pixel,label\n0.5,3\n'

let stored: StorageBench
let storage: Storage
let secured: SecurityBench
let machine: Harness
let jobs: Opened
let modules: Modules
let router: Router
let duringCopy: () => void
/** Has imported what is here, may list models and add to what is there. */
let trainer: Caller
/** May list models, and read `open` and `base` alone. */
let reader: Caller
/** May read everything. */
let viewer: Caller

beforeEach(async () => {
  stored = await createBench({ withWorker: false })
  const rights: StorageDeps['mayName'] = (by, as, reference) => mayName(modules, by, as, reference)
  const manage: StorageDeps['assertMayManage'] = (by, kind, name) => assertMayManage(modules, by, kind, name)
  duringCopy = () => undefined
  const worker: FileWorker = {
    ...inProcessWorker(),
    async copy(...of) {
      duringCopy()
      return inProcessWorker().copy(...of)
    },
  }
  const hooks = { mayName: rights, assertMayManage: manage, startWorker: () => worker }
  storage = (await stored.open(hooks)).storage
  secured = await openBench()
  machine = await createHarness()
  jobs = await machine.open()
  const about = { makeRoom: () => undefined }
  const computeReady = async () => undefined
  modules = { ...jobs, storage, security: secured.security, about, computeReady } as unknown as Modules
  router = createRouter(modules)
  trainer = secured.app('Trainer')
  reader = secured.app('Reader')
  viewer = secured.user('Vera', 'viewer')
  const manages = 'Action::"model.list", Action::"model.manage", Action::"dataset.manage"'
  await permit('trainer', `App::"trainer", action in [${manages}], resource`)
  await permit('reader', 'App::"reader", action == Action::"model.list", resource')
  for (const name of ['open', 'base'])
    await permit(name, `App::"reader", action == Action::"model.read", resource == Model::"${name}"`)
})
afterEach(async () => {
  await stored.dispose()
  await secured.end()
  await jobs.die()
  await machine.remove()
})

async function permit(id: string, what: string): Promise<void> {
  await secured.security.setPolicy(id, `permit(principal == ${what});`, '', secured.security.owner())
}

interface Brought {
  review?: boolean
  madeFrom?: Partial<MadeFrom>
  /** Default: a model of its own bytes under each name. */
  content?: Uint8Array | string
}

/** What the trainer has imported. */
async function brought(name: string, { review, madeFrom, content }: Brought = {}): Promise<Import> {
  const path = join(stored.folder, name)
  await writeFile(path, content ?? model({ graph: [...plainGraph(), bytes(10, name)] }))
  const source: ImportSource = {
    ...{ kind: 'path', path, name, review },
    ...(madeFrom && { madeFrom: { models: [], datasets: [], job: null, ...madeFrom } }),
  }
  return settled(storage, (await storage.startImport(source, trainer.principal)).id)
}

const as = (caller: Caller) => createRouterClient(router, { context: { caller } })

const idsOf = (imports: Import[]) => imports.map(({ id }) => id)

it('Names told by the imports of others: only those are shown that become what one may read', async () => {
  const [open, secret] = [await brought('open'), await brought('secret')]
  const waiting = await brought('secret-too', { review: true })
  const rejected = await brought('secret-text', { content: 'no model' })
  expect(rejected.state).toBe('rejected')
  const all = idsOf([rejected, waiting, secret, open]).sort()

  const list = async (caller: Caller) => (await as(caller).storage.imports.list({})).items
  expect(idsOf(await list(reader))).toEqual([open.id])
  expect(JSON.stringify(await list(reader))).not.toContain(stored.folder)
  expect(idsOf(await list(trainer)).sort()).toEqual(all)
  expect(idsOf(await list(viewer)).sort()).toEqual(all)

  const page = (cursor?: string) => as(trainer).storage.imports.list({ limit: 3, cursor })
  const first = await page()
  const rest = await page(first.nextCursor ?? undefined)
  expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([3, 1, null])
  expect(idsOf([...first.items, ...rest.items]).sort()).toEqual(all)

  const get = (caller: Caller, id: string) => as(caller).storage.imports.get({ id })
  expect(await get(reader, open.id)).toMatchObject({ model: 'open' })
  expect(await get(trainer, secret.id)).toMatchObject({ model: 'secret' })
  expect(await get(viewer, rejected.id)).toMatchObject({ source: 'secret-text' })
  for (const { id } of [secret, waiting, rejected]) {
    const denial = await get(reader, id).catch((error: Error) => error)
    expect(denial).toMatchObject({ code: 'security.denied' })
    expect(JSON.stringify(denial) + String(denial)).not.toContain('secret')
  }
})

it('Names told by the imports of others, as they go on: only those are told that become what one may read', async () => {
  await brought('secret')
  const view = await as(reader).storage.imports.watch()
  const next = async () => (await view.next()).value as Feed<Import>
  expect(await next()).toMatchObject({ type: 'snapshot', items: [] })
  await brought('secret-too')
  const open = await brought('open')
  const told = await next()
  expect(told.type === 'change' && idsOf(told.changed)).toEqual([open.id])
  await view.return()
})

it('Names told by the end of what one may not read: only the end of what was shown is told', async () => {
  await brought('open')
  await brought('secret')
  const view = await as(reader).storage.models.watch()
  const next = async () => (await view.next()).value as Feed<ModelSummary>
  expect(await next()).toMatchObject({ items: [{ id: 'open' }] })
  storage.removeVersion('secret', 1)
  storage.removeVersion('open', 1)
  expect(await next()).toMatchObject({ changed: [], removed: ['open'] })
  await view.return()
})

it('Names told by the tasks of others and by what is loaded: only those one may read', async () => {
  const time = new Date(0).toISOString()
  const task: StorageTask = {
    ...{ id: 'task-1', kind: 'gc', state: 'completed', bytesDone: 0, bytesTotal: 0, error: null },
    ...{ createdAt: time, finishedAt: time, createdBy: 'olga', removedVersions: ['open@1', 'secret@1'] },
  }
  const engines = ['open', 'secret'].map(
    (name): EngineView => ({
      ...{
        id: `engine-${name.length}`,
        runtime: 'onnx',
        model: name,
        version: 1,
        state: 'idle',
        backend: 'cpu',
      },
      ...{ device: null, pid: null, memoryBytes: 1, loadMs: null, runs: 0, idleSince: null },
    }),
  )
  const runtime: RuntimeView = {
    ...{ id: 'onnx', name: 'ONNX', version: '1', available: true, beingTried: false, backend: 'cpu' },
    ...{ backends: [], isolation: 'process', plugin: null, formats: [], reason: null, engines },
  }
  const all = createRouter({
    ...modules,
    storage: { ...storage, task: () => task, tasks: () => [task], taskEnd: async () => task },
    compute: { ...jobs, runtimes: () => [runtime] },
    computeReady: async () => undefined,
  } as unknown as Modules)
  await permit('runtimes', 'App::"reader", action == Action::"runtime.read", resource')
  const seenBy = async (caller: Caller) => {
    const calls = createRouterClient(all, { context: { caller } })
    const view = await calls.storage.tasks.watch()
    const seen = JSON.stringify([
      await calls.storage.tasks.get({ id: 'task-1' }),
      await calls.compute.runtimes.list({}),
      (await view.next()).value,
    ])
    await view.return()
    return seen
  }
  expect(await seenBy(reader)).toContain('open@1')
  expect(await seenBy(reader)).not.toContain('secret')
  expect((await seenBy(viewer)).match(/secret/g)).toHaveLength(3)
})

/** What an exported version says of itself. */
async function manifestFor(caller: Caller, version: string): Promise<string> {
  const download = matchDownload(new Request(`http://127.0.0.1/api/models/${version}/archive`))
  const archive = (await (await download?.({ caller, modules }))?.text()) ?? ''
  return archive.slice(archive.indexOf('{'), archive.indexOf('\n}\n'))
}

it('Names told by what a version was made from, and what was made from it: only what one may read is named', async () => {
  await brought('base')
  await brought('secret')
  await brought('secret-data', { content: TABLE })
  const job = await jobs.submit({ kind: 'synthetic', durationMs: 1 }, trainer.principal)
  await brought('open', {
    madeFrom: { models: ['base@1', 'secret@1'], datasets: ['secret-data@1'], job: job.id },
  })
  await brought('secret-child', { madeFrom: { models: ['open@1'] } })
  const second = model({ graph: [...plainGraph(), bytes(10, 'second')] })
  await brought('base', { content: second, madeFrom: { models: ['secret-child@1'] } })
  const which = { name: 'open', version: 1 }
  const { models } = as(reader).storage

  const shown = { models: ['base@1'], datasets: [], job: null }
  expect(await models.version(which)).toMatchObject({ lineage: shown })
  expect((await models.versions(which)).items).toMatchObject([{ lineage: shown }])
  const named = ({ nodes }: LineageGraph) => nodes.map(({ id }) => id).sort()
  const graph = await models.lineage(which)
  expect(named(graph)).toEqual(['model:base@1', 'model:open@1', 'source:base', 'source:open'])
  expect(graph.edges).toContainEqual({ from: 'model:base@1', to: 'model:open@1' })
  const manifest = await manifestFor(reader, 'open/versions/1')
  expect(manifest).toContain('"name": "base"')
  expect(manifest).not.toContain('secret')

  const madeFrom = { models: ['base@1', 'secret@1'], datasets: ['secret-data@1'], job: job.id }
  for (const caller of [viewer, secured.user('Olga', 'owner')]) {
    expect((await as(caller).storage.models.version(which)).lineage).toMatchObject(madeFrom)
    expect(named(await as(caller).storage.models.lineage(which))).toEqual(
      expect.arrayContaining([
        'model:secret@1',
        'model:secret-child@1',
        'dataset:secret-data@1',
        `job:${job.id}`,
      ]),
    )
    expect(await manifestFor(caller, 'open/versions/1')).toContain('secret-data')
  }
})

it('Names told by what a data set was made from: only what one may read is named', async () => {
  await brought('base')
  await brought('secret')
  await brought('scores', {
    content: TABLE,
    madeFrom: { models: ['base@1', 'secret@1'] },
  })
  await permit('scores', 'App::"reader", action == Action::"dataset.read", resource == Dataset::"scores"')
  const which = { name: 'scores', version: 1 }
  const { datasets } = as(reader)
  const shown = { lineage: { models: ['base@1'] } }
  expect(await datasets.version(which)).toMatchObject(shown)
  expect((await datasets.versions(which)).items).toMatchObject([shown])
  expect(JSON.stringify(await datasets.lineage(which))).not.toContain('secret')
  expect((await as(viewer).datasets.version(which)).lineage.models).toEqual(['base@1', 'secret@1'])
})

it('The name of the version whose graph weights run in: told only to who may read it', async () => {
  const content = (file: string) => readFile(join(FIXTURES, file))
  await brought('open', { content: await content('mnist_cnn.safetensors') })
  await brought('secret', { content: await content('mnist_cnn.pt') })
  storage.annotate('open', 1, { architecture: 'secret@1' })
  const which = { name: 'open', version: 1 }
  expect((await as(viewer).storage.models.version(which)).architecture).toBe('secret@1')
  expect((await as(reader).storage.models.version(which)).architecture).toBeNull()
  expect((await as(reader).storage.models.versions(which)).items).toMatchObject([{ architecture: null }])
  expect(await manifestFor(viewer, 'open/versions/1')).toContain('secret')
  expect(await manifestFor(reader, 'open/versions/1')).not.toContain('secret')

  await permit('own', 'App::"reader", action == Action::"model.manage", resource == Model::"open"')
  expect((await as(reader).storage.models.annotate({ ...which, notes: 'mine' })).architecture).toBeNull()
  expect((await as(viewer).storage.models.version(which)).architecture).toBe('secret@1')
})

it('Names told by what keeps a version from being removed: only what one may read is named, the rest is counted', async () => {
  await brought('open')
  await brought('base', { madeFrom: { models: ['open@1'] } })
  await brought('secret', { madeFrom: { models: ['open@1'] } })
  await brought('scores', { content: TABLE })
  await brought('secret-child', { madeFrom: { datasets: ['scores@1'] } })
  await permit('own', 'App::"reader", action == Action::"model.manage", resource == Model::"open"')
  await permit('scores', 'App::"reader", action == Action::"dataset.manage", resource == Dataset::"scores"')
  const refusal = async (removal: Promise<unknown>) => {
    const error = await removal.then(
      () => null,
      (refused: unknown) => refused,
    )
    const { message, details } = error as AppError
    return `${message} ${JSON.stringify(details)}`
  }
  const open = await refusal(as(reader).storage.models.removeVersion({ name: 'open', version: 1 }))
  expect(open).toMatch(/base@1 and 1 more were made from it\. \{"aliases":/)
  const scores = await refusal(as(reader).datasets.removeVersion({ name: 'scores', version: 1 }))
  expect(scores).toMatch(/1 you may not see came from it\. \{"madeFrom":\[\]/)
  expect(open + scores).not.toContain('secret')
})

/** Imports a version again, from an archive of everything that is said of it. @returns its number */
async function broughtAgain(name: string, key: string | null = null): Promise<number | null> {
  const latest = storage.getModel(name).latest
  const archive = storage.exportVersion('model', name, latest, () => true)
  const path = join(stored.folder, 'archive.tar')
  await writeFile(path, archive.content)
  storage.removeVersion(name, latest)
  const started = await storage.startImport({ kind: 'path', path, key }, trainer.principal)
  return (await settled(storage, started.id)).version
}

/** One that is there to bring versions with, and for nothing else. */
const limitedKey = () =>
  secured.security.createKey(trainer.principal, { scopes: ['model.import', 'model.manage'] }).id

it('A model run through an architecture that a manifest names: who brings it must be allowed to read and run it', async () => {
  const content = (file: string) => readFile(join(FIXTURES, file))
  await brought('open', { content: await content('mnist_cnn.safetensors') })
  await brought('secret', { content: await content('mnist_cnn.pt') })
  const architectureOf = (version: number | null) => storage.getVersion('open', version ?? 0).architecture
  const annotated = () =>
    storage.annotate('open', storage.getModel('open').latest, { architecture: 'secret@1' }).architecture
  const may = (action: string, resource: string) =>
    permit(action.replace('.', '-'), `App::"trainer", action == Action::"${action}", resource ${resource}`)

  expect(annotated()).toBe('secret@1')
  expect(architectureOf(await broughtAgain('open'))).toBeNull()
  await may('model.read', '== Model::"secret"')
  expect(annotated()).toBe('secret@1')
  expect(architectureOf(await broughtAgain('open'))).toBeNull()
  await may('model.run', 'in Model::"secret"')
  expect(annotated()).toBe('secret@1')
  expect(architectureOf(await broughtAgain('open'))).toBe('secret@1')
  expect(architectureOf(await broughtAgain('open', limitedKey()))).toBeNull()
})

it('A model that cannot be deleted any more, by a manifest that names it: who brings it must be allowed to read it', async () => {
  await brought('secret')
  await brought('secret-data', { content: TABLE })
  const madeFrom = { models: ['secret@1'], datasets: ['secret-data@1'] }
  await brought('open', { madeFrom })
  const lineageOf = (version: number | null) => storage.getVersion('open', version ?? 0).lineage
  expect(lineageOf(await broughtAgain('open'))).toMatchObject({ models: [], datasets: [] })
  await permit('model', 'App::"trainer", action == Action::"model.read", resource == Model::"secret"')
  await permit('data', 'App::"trainer", action == Action::"dataset.read", resource == Dataset::"secret-data"')
  await brought('open', { content: model(), madeFrom })
  expect(lineageOf(await broughtAgain('open', limitedKey()))).toMatchObject({ models: [], datasets: [] })
  storage.removeVersion('open', storage.getModel('open').latest)
  await brought('open', { content: model(), madeFrom })
  expect(lineageOf(await broughtAgain('open'))).toMatchObject(madeFrom)
})

/** What becomes of an import by an app under a name. */
async function importedBy(
  caller: Pick<Caller, 'principal'>,
  name: string,
  { key, review, content }: { key?: string; review?: boolean; content?: string } = {},
): Promise<Import> {
  const path = join(stored.folder, 'new')
  await writeFile(path, content ?? model({ graph: [...plainGraph(), bytes(10, `other ${name}`)] }))
  const source: ImportSource = { kind: 'path', path, name, key, review }
  return settled(storage, (await storage.startImport(source, caller.principal)).id)
}

it('A model of others that an import adds a version to: a name that is taken takes the right to manage it', async () => {
  await brought('secret')
  await brought('secret-data', { content: TABLE })
  for (const [name, content] of [['secret'], ['secret-data', 'pixel,label\n0.7,4\n']] as const)
    for (const review of [false, true]) {
      const refused = await importedBy(reader, name, { review, ...(content && { content }) })
      expect(refused, name).toMatchObject({ state: 'failed', version: null, suggestion: null })
      expect(refused.error, name).toMatchObject({ code: 'security.denied' })
    }
  expect(storage.getModel('secret').versions).toEqual([1])
  expect(storage.getDataset('secret-data').versions).toEqual([1])
  const denials = secured.security.listAudit({ limit: 9, decision: 'deny' }).items
  expect(denials.map(({ action, resource }) => `${action} ${resource}`)).toEqual(
    expect.arrayContaining(['model.manage Model::"secret"', 'dataset.manage Dataset::"secret-data"']),
  )

  expect(await importedBy(reader, 'mine')).toMatchObject({ state: 'completed', version: 1 })
  await permit('own', 'App::"reader", action == Action::"model.manage", resource == Model::"secret"')
  expect(await importedBy(reader, 'secret')).toMatchObject({ state: 'completed', version: 2 })
  const { id } = secured.security.createKey(reader.principal, { scopes: ['model.import'] })
  expect(await importedBy(reader, 'secret', { key: id })).toMatchObject({ state: 'failed' })
})

it('A right that is taken away while an import goes on: it is asked for again before there is a version', async () => {
  await brought('secret')
  await permit('own', 'App::"reader", action == Action::"model.manage", resource == Model::"secret"')
  duringCopy = () => secured.security.removePolicy('own')
  expect(await importedBy(reader, 'secret')).toMatchObject({
    state: 'failed',
    error: { code: 'security.denied' },
  })
  expect(storage.getModel('secret').versions).toEqual([1])
})

it('A model of others that a confirmation adds to, or gives another family: who confirms must be allowed to manage it', async () => {
  await brought('secret')
  const person = secured.user('Paul', 'viewer')
  await permit('import', 'User::"paul", action == Action::"model.import", resource')
  const { id } = await importedBy(person, 'mine', { review: true })
  const confirm = (said: object) => as(person).storage.imports.confirm({ id, ...said })
  const denied = { code: 'security.denied' }
  await expect(confirm({ name: 'secret' })).rejects.toMatchObject(denied)
  await expect(confirm({ name: 'secret', family: 'mine' })).rejects.toMatchObject(denied)
  await brought('mine')
  await expect(confirm({})).rejects.toMatchObject(denied)
  expect(storage.getModel('secret')).toMatchObject({ versions: [1], family: null })
  expect(await confirm({ name: 'free' })).toMatchObject({ state: 'completed', model: 'free' })
})

it('The number and the family of what one may not read: a suggestion does not tell them', async () => {
  const waiting = await importedBy(reader, 'later', { review: true })
  await brought('later')
  storage.updateModel('later', { family: 'hidden' })
  await brought('later', { content: model() })
  const seenBy = async (caller: Caller) =>
    (await as(caller).storage.imports.get({ id: waiting.id })).suggestion
  await vi.waitFor(async () =>
    expect(await seenBy(viewer)).toMatchObject({ name: 'later', version: 3, family: 'hidden' }),
  )
  expect(await seenBy(reader)).toMatchObject({ name: 'later', version: null, family: null })
})

it('Names told by why one waits: of the jobs and leases of others no more than that they are there', async () => {
  await permit('asks', 'App::"reader", action == Action::"lease.request", resource')
  const { compute, core } = jobs
  const all = { cpuCores: core.resources().capacity.cpuCores }
  const load = { kind: 'synthetic' as const, durationMs: 3_600_000, need: all }
  const lease = core.allocate(
    { memoryBytes: 1e9 },
    { holder: trainer.principal, purpose: 'secret lease', priority: 50, ttlMs: null },
  )
  const mine = await jobs.submit({ ...load, name: 'mine', priority: 10 }, reader.principal)
  const passes = (isSo: () => boolean) =>
    until(async () => {
      await machine.clock.advance(250)
      return isSo()
    })
  const isIn = (state: Job['state'], id: string) => () => compute.get(id).state === state
  await passes(isIn('running', mine.id))
  const urgent = await jobs.submit({ ...load, name: 'secret plan', priority: 90 }, trainer.principal)
  await passes(isIn('running', urgent.id))
  const large = { ...load, need: { memoryBytes: core.resources().capacity.memoryBytes } }
  const wide = await jobs.submit({ ...large, name: 'wide' }, reader.principal)
  const kinds = (id: string) => compute.get(id).waitCauses.flatMap(({ kind }) => kind)
  await passes(() => kinds(wide.id).includes('resources') && kinds(mine.id).length === 2)

  const told = async (caller: Caller) => {
    const { queue, jobs: of, pipelines } = as(caller).compute
    const live = await of.watch()
    const refused = await as(caller)
      .core.leases.request({ need: all, ttlMs: 1000 })
      .catch((error: AppError) => [error.message, error.details])
    const answers = [
      ...[await of.get({ id: mine.id }), await of.get({ id: wide.id }), await of.list({}), await queue()],
      ...[(await live.next()).value, await pipelines.list({}), refused],
    ]
    await live.return()
    return answers.map((answer) => JSON.stringify(answer))
  }
  for (const answer of await told(reader)) expect(answer).not.toMatch(/secret|trainer/)
  expect(await as(reader).compute.jobs.get({ id: mine.id })).toMatchObject({
    preemptedBy: { id: urgent.id, name: null, principal: null },
    waitReason: expect.stringContaining(`Preempted by ${shortId(urgent.id)}, `),
  })
  expect(await as(reader).compute.jobs.get({ id: wide.id })).toMatchObject({
    waitReason: expect.stringContaining(`, 1 GB of memory held by ${shortId(lease.id)}`),
  })
  const log = await as(reader).compute.jobs.log({ id: mine.id })
  expect(log.items.map(({ text }) => text)).toContain(`Preempted by ${shortId(urgent.id)}`)
  const [ofMine, ofWide] = await told(viewer)
  expect(ofMine).toContain(`Preempted by secret plan (${shortId(urgent.id)})`)
  expect(ofWide).toContain('held by secret lease')
})

it('Names told by why one waits: whoever reads all jobs and not the devices is told no program by its name', async () => {
  const reading = { device: 'cpu0', load: 0, memoryUsedBytes: 12e9, memoryTotalBytes: 16e9 }
  machine.host.reading = { readings: [reading], childrenMemoryBytes: 0 }
  machine.host.foreign = [
    { device: 'cpu0', name: 'secret-program', pid: 4242, memoryBytes: 12e9, cpuCores: 0 },
  ]
  await machine.clock.advance(60_000)
  const load = { kind: 'synthetic' as const, durationMs: 1, need: { memoryBytes: 12e9 } }
  const { id } = await jobs.submit(load, trainer.principal)
  await permit('counts', 'App::"reader", action in [Action::"job.read", Action::"job.list"], resource')
  await until(async () => {
    await machine.clock.advance(1000)
    return JSON.stringify(jobs.compute.get(id).waitCauses).includes('secret-program')
  })
  const { waiting } = await as(reader).compute.queue()
  expect(waiting[0]?.reason).toContain('12 GB held by process 4242 (outside LLMAgentOS)')
  expect(JSON.stringify(waiting)).not.toContain('secret-program')
})

it('The jobs of one whom a policy keeps from a reader: lists and reasons leave them out too', async () => {
  const { id } = await jobs.submit({ kind: 'synthetic', durationMs: 1, hold: true }, trainer.principal)
  const list = async () => (await as(viewer).compute.jobs.list({})).items.map((job) => job.id)
  expect(await list()).toEqual([id])
  const forbid = `forbid(principal in Role::"viewer", action == Action::"job.read", resource) when { resource.owner == "trainer" };`
  await secured.security.setPolicy('private', forbid, '', secured.security.owner())
  expect(await list()).toEqual([])
})

it('The queue of one who sees only their own jobs holds theirs, however many of others stand before them', async () => {
  for (let i = 0; i < 250; i++)
    await jobs.submit({ kind: 'synthetic', durationMs: 3_600_000 }, trainer.principal)
  const last = { kind: 'synthetic' as const, durationMs: 3_600_000, priority: 0 }
  const { id } = await jobs.submit(last, reader.principal)
  await permit('looks', 'App::"reader", action == Action::"job.list", resource')
  await until(() => jobs.compute.queue().waiting.length === 200)
  const { waiting } = await as(reader).compute.queue()
  expect(waiting.map(({ job }) => job)).toEqual([id])
  expect(waiting[0]?.reason).toContain('248 jobs ahead')
})
