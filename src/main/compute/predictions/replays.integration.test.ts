import { afterAll, beforeAll, expect, it } from 'vitest'
import type { DeviceId, JobId, PrincipalId } from '../../../shared/domain/ids'
import { systemClock } from '../../platform/clock'
import { buildWorkers } from '../../runtimes/testing/build-workers'
import { atRest } from '../schedule/at-rest'
import type { Scene } from '../schedule/scene'
import type { QueueClass } from '../schedule/types'
import { createReplays, type Replays, replay } from './replays'

let workers: Awaited<ReturnType<typeof buildWorkers>>
let replays: Replays
beforeAll(async () => {
  workers = await buildWorkers({ replay: 'src/main/compute/predictions/replay-worker.ts' })
  replays = createReplays(`${workers.dir}/replay.cjs`, systemClock)
}, 60_000)
afterAll(async () => {
  await replays?.dispose()
  await workers?.dispose()
})

const ALICE = 'p-alice' as PrincipalId

/** `count` jobs that need a core each, on four. */
function scene(count: number, waits: boolean): Scene {
  const jobs = Array.from({ length: count }, (_, i) => ({
    id: `j-${i}` as JobId,
    rank: i,
    seq: i,
    readyAt: i,
    priority: 50,
    runMs: 100 + (i % 7),
    mostMs: 400,
  }))
  const need = { cpuCores: 1 }
  const group: QueueClass = {
    key: 'class',
    engineKey: 'engine',
    principal: ALICE,
    need,
    share: 0.25,
    // As the index gives it: asked for when it is read.
    get load() {
      return { memoryBytes: 0, estimateMs: 10 }
    },
    jobs: waits ? jobs : [],
    workMs: 100 * count,
  }
  const capacity = { cpuCores: 4, memoryBytes: 1e9 }
  const device = { id: 'cpu0' as DeviceId, kind: 'cpu' as const, free: capacity, capacity, healthy: true }
  return {
    state: atRest({
      classes: waits ? [group] : [],
      devices: [device],
      pace: 1_000,
      shares: new Map([[ALICE, 0.5]]),
    }),
    running: [],
    pausings: new Map(),
    arrivals: waits ? [] : jobs.map((job) => ({ at: job.readyAt, group, job })),
  }
}

it('says in the thread what it says here, and leaves the event loop its turns', async () => {
  const asked = scene(1_000, true)
  const here = replay({ kind: 'forecast', scene: asked })
  await replays.forecast(scene(1, true))
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const there = await replays.forecast(asked)
  clearInterval(timer)
  expect(there.answer.size).toBe(1_000)
  expect(there.answer).toEqual(here)
  expect(there.tookMs).toBeGreaterThan(0)
  expect(turns).toBeGreaterThan(2)
})

it('plans a graph as it is planned here', async () => {
  const jobs = Array.from({ length: 300 }, (_, i) => ({
    key: `j-${i}`,
    dependsOn: i < 10 ? [] : [`j-${i - 10}`],
    runMs: new Map([['cpu0', 100 + (i % 7)]]),
    outputBytes: 0,
    reads: [],
    running: null,
  }))
  // Without a search, which takes as long as it may.
  const question = { jobs, devices: [{ id: 'cpu0', lanes: 4 }], nowMs: 1_000, budgetMs: 0, maxSteps: 0 }
  const steps = await replays.course(question)
  expect(steps.size).toBe(300)
  expect(steps).toEqual(replay({ kind: 'course', question }))
})

it('tells what becomes of a workload, and gives one up that nobody waits for', async () => {
  const runMs = (count: number) => new Map(Array.from({ length: count }, (_, i) => [`j-${i}` as JobId, 100]))
  const abort = new AbortController()
  const long = replays.outcome(scene(20_000, false), runMs(20_000), abort.signal)
  const next = replays.outcome(scene(8, false), runMs(8))
  setTimeout(() => abort.abort(new Error('closed')), 5)
  await expect(long).rejects.toThrow('closed')
  const outcome = await next
  expect(outcome).toEqual(replay({ kind: 'outcome', scene: scene(8, false), runMs: runMs(8) }))
  // Two rounds of four.
  expect(outcome.jobs).toBe(8)
  expect(outcome.makespanMs).toBeGreaterThan(200)
})
