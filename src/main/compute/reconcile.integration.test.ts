import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { JobSpecInput } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { settle } from '../core/testing/fake-clock'
import { LOG } from './jobs/artifact-names'
import { JobParameters } from './jobs/job-row'
import { createPredictionStore } from './predictions/prediction-store'
import { ALICE, createHarness, type Harness, type Opened, until } from './testing/harness'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let harness: Harness
let system: Opened

beforeEach(async () => {
  harness = await createHarness({ cores: 1 })
  system = await harness.open()
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

const load = async (name: string, more: object = {}) =>
  (await system.submit({ kind: 'synthetic', durationMs: 1000, name, ...more } as JobSpecInput)).id as JobId
const job = (id: string) => system.compute.get(id)
const hasState = (id: string, state: string) => until(() => job(id).state === state)

async function ended(id: string): Promise<void> {
  for (let step = 0; step < 100 && job(id).finishedAt === null; step++) await harness.clock.advance(500)
  expect(job(id).state).toBe('succeeded')
}

it('a log whose bytes are gone keeps no job from going on', async () => {
  const id = await load('logged')
  await hasState(id, 'running')
  const { artifacts } = system.storage
  const staged = await artifacts.stage(Buffer.alloc(100_000, ' '))
  await system.database.write(() => artifacts.attach(staged, id, LOG))
  await settle()
  await system.die()
  await rm(join(harness.dir, 'blobs'), { recursive: true })
  system = await harness.open()
  await ended(id)
})

it('a row that cannot be read is set aside: what waits for it fails, all others run', async () => {
  const bad = await load('bad', { durationMs: 60_000 })
  await hasState(bad, 'running')
  const waiting = await load('bad')
  const after = await load('after', { dependsOn: [bad] })
  const good = await load('good')
  const { database } = system
  const now = harness.clock.now()
  const told = { madeAt: now, at: now, earliest: now, latest: now, startedAt: null }
  createPredictionStore(database).add({ job: waiting, principal: ALICE, name: 'bad', ...told })
  database.run({
    compile: () => sql`update job set need = '{' where name = 'bad'`.compile(database.builder()),
  })
  for (const _ of ['first', 'second']) {
    await system.die()
    system = await harness.open()
    await ended(good)
    await hasState(after, 'failed')
    expect(job(after).error?.code).toBe('compute.dependency_failed')
    for (const id of [bad, waiting]) expect(() => job(id)).toThrow(/damaged/)
    expect(system.compute.list({ limit: 4 }).items.map(({ name }) => name)).toEqual(['good', 'after'])
    expect(system.compute.queue().byState).toEqual({ queued: 0, held: 0, running: 0 })
  }
})

it('a deadline that passes while the system starts ends its job', async () => {
  const deadline = new Date(harness.clock.now() + HOUR_MS).toISOString()
  const id = await load('late', { durationMs: DAY_MS, deadline })
  await hasState(id, 'running')
  // Time to ring in, before what ran is put back into the queue.
  for (let i = 0; i < 50; i++) await load('another')
  await system.die()
  harness.clock.jump(HOUR_MS)
  // Each look at the clock of the process finds that a turn has been long enough.
  let looks = 0
  vi.spyOn(performance, 'now').mockImplementation(() => ++looks * 100)
  let isOpen = false
  const opening = harness.open().finally(() => {
    isOpen = true
  })
  while (!isOpen) await harness.clock.advance(0)
  vi.restoreAllMocks()
  system = await opening
  await harness.clock.advance(2000)
  await hasState(id, 'failed')
  expect(job(id).error?.code).toBe('compute.deadline_missed')
})

it('a clock that was set back makes nobody who waits wait behind who comes later', async () => {
  await hasState(await load('first'), 'running')
  const before = await load('before')
  await system.die()
  harness.clock.jump(-DAY_MS)
  system = await harness.open()
  const after = await load('after')
  expect(job(before).timings.queuedMs).toBeGreaterThanOrEqual(0)
  await ended(before)
  expect(job(after).state).not.toBe('succeeded')
})

it('reads what waits a page at a time, and lets others run in between', async () => {
  await Promise.all(Array.from({ length: 250 }, (_, i) => load(`n${i}`, { hold: true })))
  await system.die()
  // Each look at the clock of the process finds that a turn has been long enough.
  let looks = 0
  vi.spyOn(performance, 'now').mockImplementation(() => ++looks * 100)
  const turns = vi.spyOn(globalThis, 'setImmediate')
  const readIn = new Map<number, number>()
  const parse = JobParameters.parse
  vi.spyOn(JobParameters, 'parse').mockImplementation((given) => {
    const turn = turns.mock.calls.length
    readIn.set(turn, (readIn.get(turn) ?? 0) + 1)
    return parse(given)
  })
  system = await harness.open()
  vi.restoreAllMocks()
  expect(system.compute.queue().byState.held).toBe(250)
  expect([...readIn.values()]).toEqual([100, 100, 50])
})
