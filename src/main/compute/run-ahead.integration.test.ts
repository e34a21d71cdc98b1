import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { JobSpecInput } from '../../shared/contract'
import { settle } from '../core/testing/fake-clock'
import { createHarness, type Harness, type Opened, until } from './testing/harness'

let harness: Harness
let system: Opened

const infer: JobSpecInput = {
  kind: 'infer',
  model: 'm@1',
  inputs: { x: { dtype: 'float32', shape: [2], data: [1, 2] } },
}

/** Rows of jobs as any reader of the disk sees them between two turns. */
function rows(): { id: string; state: string }[] {
  const db = system.database.builder<{ job: { id: string; state: string; seq: number } }>()
  return system.database.all(db.selectFrom('job').select(['id', 'state']).orderBy('seq'))
}

/** Submits, and tells what became of it so far. */
function begin(spec: JobSpecInput, signal?: AbortSignal) {
  const seen: { job?: Awaited<ReturnType<Opened['submit']>>; error?: unknown } = {}
  system.submit(spec, undefined, signal).then(
    (job) => {
      seen.job = job
    },
    (error) => {
      seen.error = error
    },
  )
  return seen
}

function running(): Promise<void> {
  return until(() => system.executor.engines().some(({ state }) => state === 'busy'))
}

beforeEach(async () => {
  harness = await createHarness()
  system = await harness.open()
  // The first one loads the engine and shows how long its like take.
  system.executor.itemMs = 3
  const first = begin({ ...infer, waitMs: 1000 })
  await running()
  await harness.clock.advance(3)
  await until(() => seen(first).state === 'succeeded')
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

function seen({ job, error }: ReturnType<typeof begin>) {
  if (error) throw error
  return { state: null, ...job }
}

it('a short job that meets an idle engine begins at once and is written with its end', async () => {
  const next = begin({ ...infer, waitMs: 1000 })
  await running()
  expect(rows()).toHaveLength(1)
  expect(system.compute.recent(null)).toHaveLength(1)
  expect(system.core.listLeases()).toHaveLength(1)
  await harness.clock.advance(3)
  await until(() => next.job !== undefined)
  expect(next.job).toMatchObject({
    state: 'succeeded',
    attempt: 1,
    placement: [{ device: 'cpu0' }],
    result: { kind: 'infer', outputs: infer.inputs },
  })
  expect(rows().at(-1)).toEqual({ id: next.job?.id, state: 'succeeded' })
  expect(system.core.listLeases()).toEqual([])
  const log = await system.compute.log(next.job?.id as never)
  expect(log.map(({ text }) => text)).toEqual(['Submitted', 'Started on cpu0', 'Succeeded in 3 ms'])
  await system.die()
  system = await harness.open()
  expect(await system.compute.result(next.job?.id as never, 0)).toEqual(next.job?.result)
})

it('a lease that goes on to the next job says whose it is', async () => {
  const told: unknown[] = []
  system.core.onDidChangeLeases(({ changed }) => told.push(...changed))
  const first = begin({ ...infer, name: 'first', waitMs: 1000 })
  await running()
  const next = begin({ ...infer, name: 'next', priority: 70, waitMs: 1000 })
  const [before] = system.core.listLeases()
  await settle()
  await harness.clock.advance(3)
  await running()
  const [lease] = system.core.listLeases()
  expect(lease).toMatchObject({ id: before?.id, purpose: 'next', priority: 70 })
  expect(told.at(-1)).toEqual(lease)
  for (let i = 0; i < 10; i++) await harness.clock.advance(1)
  await until(() => next.job !== undefined)
  expect([before?.job, lease?.job]).toEqual([first.job?.id, next.job?.id])
})

it('one that waits for what a program outside holds is nobody to wait behind', async () => {
  const { clock, host } = harness
  const reading = { device: 'cpu0', load: 0, memoryUsedBytes: 12e9, memoryTotalBytes: 16e9 }
  host.reading = { readings: [reading], childrenMemoryBytes: 0 }
  await clock.advance(1_000)
  const vain = await system.submit({ kind: 'synthetic', durationMs: 1, need: { memoryBytes: 10e9 } })
  await until(() => system.compute.queue().waiting.length === 1)
  const next = begin({ ...infer, waitMs: 1000 })
  await running()
  expect(rows()).toHaveLength(2)
  await clock.advance(3)
  await until(() => next.job?.state === 'succeeded')
  host.reading = { readings: [], childrenMemoryBytes: 0 }
  await clock.advance(1_000)
  await until(() => system.compute.get(vain.id).state !== 'queued')
})

it('what takes longer than it was thought to is acknowledged while it runs, and outlives a crash', async () => {
  system.executor.itemMs = 60_000
  const slow = begin(infer)
  await running()
  await harness.clock.advance(9)
  expect(slow.job).toBeUndefined()
  await harness.clock.advance(1)
  await until(() => slow.job !== undefined)
  expect(slow.job).toMatchObject({ state: 'running', attempt: 1 })
  expect(slow.job).not.toHaveProperty('result')
  await harness.clock.advance(50)
  await until(() => rows().at(-1)?.state === 'running')
  await system.die()
  system = await harness.open()
  await until(() => system.compute.get(slow.job?.id ?? '').attempt === 2)
  await harness.clock.advance(10)
  await until(() => system.compute.get(slow.job?.id ?? '').state === 'succeeded')
})

it('a job that nobody was told of is not there after a crash', async () => {
  const lost = begin(infer)
  await running()
  await system.die()
  system = await harness.open()
  expect(lost.job).toBeUndefined()
  expect(rows().map(({ state }) => state)).toEqual(['succeeded'])
})

it('a job that is not taken in after all leaves nothing: its model was deleted while it ran', async () => {
  const refused = begin(infer)
  await running()
  harness.versions.delete('m@1')
  await harness.clock.advance(3)
  await until(() => refused.error !== undefined)
  expect(refused.error).toMatchObject({ code: 'storage.not_found' })
  expect(rows()).toHaveLength(1)
  expect(system.core.listLeases()).toEqual([])
  expect(system.executor.engines()[0]?.state).toBe('idle')
})

it('not taken in while it still runs: it is stopped, and its engine goes on to serve others', async () => {
  system.executor.itemMs = 60_000
  const refused = begin(infer)
  await running()
  harness.versions.delete('m@1')
  await harness.clock.advance(10)
  await until(() => refused.error !== undefined)
  await until(() => system.core.listLeases().length === 0)
  await harness.clock.advance(2000)
  const other = begin({ kind: 'synthetic', durationMs: 50, waitMs: 1000 })
  await running()
  await harness.clock.advance(60)
  await until(() => other.job?.state === 'succeeded')
  expect(rows()).toHaveLength(2)
})

it('not taken in while it still runs: its place is free when its worker has stopped, and who waits has it at once', async () => {
  const { clock } = harness
  const { executor, core } = system
  const { run: really } = executor
  executor.itemMs = 60_000
  executor.run = (id, request, hooks, ...rest) => {
    const stop = new AbortController()
    hooks.signal.addEventListener('abort', () => clock.setTimer(400, () => stop.abort(hooks.signal.reason)))
    return really(id, request, { ...hooks, signal: stop.signal }, ...rest)
  }
  const refused = begin(infer)
  await running()
  executor.run = really
  const held = core.listLeases()
  const next = begin({ kind: 'synthetic', durationMs: 50, need: { cpuCores: 2 } })
  await settle()
  harness.versions.delete('m@1')
  await clock.advance(10)
  await until(() => refused.error !== undefined && next.job !== undefined)
  const stateOfNext = () => system.compute.get(next.job?.id ?? '').state
  await clock.advance(390)
  await settle()
  expect([core.listLeases(), stateOfNext()]).toEqual([held, 'queued'])
  await clock.advance(10)
  await until(() => stateOfNext() === 'running')
})

it('a turn that the disk refuses turns newcomers away and gives back what they hold', async () => {
  const shown = new Set<string>()
  const stop = system.compute.onDidChangeJobs(({ changed }) => {
    for (const { id } of changed) shown.add(id)
  })
  const refused = begin(infer)
  await running()
  harness.disk.isFull = true
  await harness.clock.advance(3)
  await until(() => refused.error !== undefined)
  harness.disk.isFull = false
  expect(refused.error).toMatchObject({ code: 'storage.disk_full' })
  await settle()
  stop()
  expect(shown.size).toBe(0)
  expect(rows()).toHaveLength(1)
  // The turn is tried again without it, and others are served as before.
  await harness.clock.advance(1000)
  await until(() => system.core.listLeases().length === 0)
  const next = begin({ ...infer, waitMs: 1000 })
  await running()
  await harness.clock.advance(3)
  await until(() => next.job?.state === 'succeeded')
  expect(rows()).toHaveLength(2)
})

it('a row that the disk refuses is refused to its caller', async () => {
  const limit = (pages: number) =>
    system.database.all({
      compile: () => sql.raw(`pragma max_page_count = ${pages}`).compile(system.database.builder()),
    })
  const labels = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`label-${i}`, 'y'.repeat(250)]))
  const refused = begin({ ...infer, labels })
  await running()
  limit(1)
  await harness.clock.advance(3)
  await until(() => refused.error !== undefined)
  limit(1_000_000)
  expect(refused.error).toMatchObject({ code: 'storage.disk_full' })
  expect(rows()).toHaveLength(1)
  await harness.clock.advance(1000)
  await until(() => system.core.listLeases().length === 0)
})

it('those that come meanwhile stand in line, in their order, and are written with their ends too', async () => {
  const callers: ReturnType<typeof begin>[] = []
  for (let i = 0; i < 3; i++) {
    callers.push(begin({ ...infer, waitMs: 1000 }))
    await settle()
  }
  await running()
  expect(system.compute.queue().depth).toBe(0)
  for (let i = 0; i < 3; i++) await harness.clock.advance(3)
  await until(() => callers.every(({ job }) => job?.state === 'succeeded'))
  const ids = callers.map(({ job }) => job?.id)
  expect(new Set(ids).size).toBe(3)
  expect(rows().slice(1)).toEqual(ids.map((id) => ({ id, state: 'succeeded' })))
  expect(system.core.listLeases()).toEqual([])
})

it('whoever stands in line for long is taken into the queue', async () => {
  system.executor.itemMs = 60_000
  const slow = begin(infer)
  await running()
  const next = begin(infer)
  await harness.clock.advance(9)
  expect(next.job).toBeUndefined()
  await harness.clock.advance(11)
  await until(() => next.job !== undefined && slow.job !== undefined)
  expect(next.job?.state).toBe('queued')
  expect(rows()).toHaveLength(3)
  await system.die()
  system = await harness.open()
  for (let i = 0; i < 5; i++) await harness.clock.advance(1000)
  expect(system.compute.get(next.job?.id ?? '').state).toBe('succeeded')
})

it('a turn that the disk refuses turns away those who stand in line', async () => {
  const callers = [begin(infer), begin(infer)]
  await running()
  await settle()
  harness.disk.isFull = true
  await harness.clock.advance(10)
  await until(() => callers.every(({ error }) => error !== undefined))
  harness.disk.isFull = false
  await harness.clock.advance(1000)
  expect(rows()).toHaveLength(1)
  expect(system.core.listLeases()).toEqual([])
})

it('the same key twice at once is one job', async () => {
  const spec = { ...infer, idempotencyKey: 'once', waitMs: 1000 }
  const [one, two] = [begin(spec), begin(spec)]
  for (let i = 0; i < 6; i++) await harness.clock.advance(3)
  await until(() => one.job !== undefined && two.job !== undefined)
  expect(two.job?.id).toBe(one.job?.id)
  expect(two.job?.result).toEqual(one.job?.result)
  expect(rows()).toHaveLength(2)
  expect(system.core.listLeases()).toEqual([])
})

it('whoever hangs up while waiting does not cancel the job; a repeat waits for the first', async () => {
  system.executor.itemMs = 200
  const spec: JobSpecInput = { ...infer, idempotencyKey: 'again', waitMs: 1000 }
  const caller = new AbortController()
  const gone = begin(spec, caller.signal)
  await running()
  await harness.clock.advance(10)
  caller.abort()
  await until(() => gone.error !== undefined)
  const repeat = begin(spec)
  await settle()
  expect(repeat.job).toBeUndefined()
  await harness.clock.advance(200)
  await until(() => repeat.job !== undefined)
  expect(repeat.job).toMatchObject({ state: 'succeeded', result: { outputs: infer.inputs } })
  expect(rows()).toHaveLength(2)
})

it('answers without a result when the time has passed', async () => {
  system.executor.itemMs = 60_000
  const slow = begin({ ...infer, waitMs: 500 })
  await running()
  await harness.clock.advance(499)
  expect(slow.job).toBeUndefined()
  await harness.clock.advance(20)
  await until(() => slow.job !== undefined)
  expect(slow.job?.state).toBe('running')
  expect(slow.job).not.toHaveProperty('result')
})
