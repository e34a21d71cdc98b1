import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import { type Database, openDatabase } from '../../platform/database'
import { computeMigrations } from '../migrations'
import { firstStatus, type JobDefinition, type JobStatus } from './job-row'
import { createJobStore, type JobStore } from './job-store'

let folder: string
let database: Database
let store: JobStore

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmagentos-jobs-'))
  database = await openDatabase(join(folder, 'test.db'), computeMigrations)
  store = createJobStore(database)
})
afterAll(async () => {
  await database.dispose()
  await rm(folder, { recursive: true, force: true })
})

type Step = { do: 'insert' | 'update' | 'read'; job: number } | { do: 'nest'; steps: Step[]; fails: boolean }

const { step } = fc.letrec<{ step: Step }>((tie) => ({
  step: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    fc.record({ do: fc.constantFrom('insert', 'update', 'update', 'read'), job: fc.nat(5) }),
    fc.record({
      do: fc.constant('nest'),
      steps: fc.array(tie('step'), { maxLength: 8 }),
      fails: fc.boolean(),
    }) as fc.Arbitrary<Step>,
  ) as fc.Arbitrary<Step>,
}))

class Undone extends Error {}

it('says what was last said of each job, whatever was undone in between, and so does the disk', () => {
  let run = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.boolean(), (steps, fails) => {
      run++
      let value = 0
      const idOf = (job: number) => `j-${run}-${job}` as JobId
      const play = (list: readonly Step[], truth: Map<JobId, number>): void => {
        for (const current of list) {
          if (current.do === 'nest') {
            const inner = new Map(truth)
            nest(() => {
              play(current.steps, inner)
              if (current.fails) throw new Undone()
            })
            if (current.fails) continue
            for (const [id, said] of inner) truth.set(id, said)
            continue
          }
          const id = idOf(current.job)
          if (current.do === 'read') expect(store.find(id)?.status.attempt).toBe(truth.get(id))
          else if (current.do === 'insert' && !truth.has(id)) {
            truth.set(id, ++value)
            store.insert(definition(id), status(value))
          } else if (truth.has(id)) {
            truth.set(id, ++value)
            store.update(id, status(value))
          }
        }
      }
      const truth = new Map<JobId, number>()
      nest(() => {
        play(steps, truth)
        if (fails) throw new Undone()
      })
      for (let job = 0; job <= 5; job++)
        expect(onDisk(idOf(job))).toBe(fails ? undefined : truth.get(idOf(job)))
    }),
    { numRuns: 500 },
  )
})

it('lists what ended until a time, in pages, the newest arrival first', () => {
  const end = (id: string, finishedAt: number | null) =>
    database.transaction(() => {
      const state = finishedAt === null ? 'queued' : 'succeeded'
      store.insert(definition(id as JobId), { ...status(1), state, finishedAt })
    })
  for (const [id, finishedAt] of [
    ['j-e1', 50],
    ['j-e2', 10],
    ['j-e3', null],
    ['j-e4', 30],
    ['j-e5', 20],
  ] as const)
    end(id, finishedAt)
  const ask = (cursor?: string) =>
    store.list({ limit: 2, cursor, finishedUntil: new Date(30).toISOString(), kind: 'synthetic' })
  const first = ask()
  expect(first.items.map(({ definition: { id } }) => id)).toEqual(['j-e5', 'j-e4'])
  const second = ask(first.nextCursor ?? undefined)
  expect(second.items.map(({ definition: { id } }) => id)).toEqual(['j-e2'])
  expect(second.nextCursor).toBeNull()
})

it('reads what is active, what ended last and how it ended in pages, in order', async () => {
  const clean = await openDatabase(':memory:', computeMigrations)
  const own = createJobStore(clean)
  const count = 2_500
  clean.transaction(() => {
    for (let i = 0; i < 2 * count; i++) {
      const finishedAt = i % 2 === 0 ? null : 1 + Math.floor(i / 4)
      const state = finishedAt === null ? 'queued' : 'succeeded'
      own.insert(definition(`j-${i}` as JobId), { ...status(i), state, finishedAt })
    }
  })
  const active = [...own.active()]
  expect(active.flatMap(({ jobs }) => jobs.map(({ seq }) => seq))).toEqual(
    Array.from({ length: count }, (_, i) => 2 * i + 1),
  )
  const last = [...own.lastEnded(1_000)]
  const ends = last.flat().map((job) => job.status.finishedAt as number)
  expect(ends).toEqual([...ends].sort((a, b) => a - b))
  expect([ends.length, ends.at(-1)]).toEqual([1_000, 1_250])
  const since = [...own.endedSince(251, 1_600)]
  expect(since.flat().map(({ seq }) => seq)).toEqual(Array.from({ length: 1_600 }, (_, i) => 5_000 - 2 * i))
  expect([...own.endedSince(1_001, 100_000)].flat()).toHaveLength(500)
  for (const page of [...active.map(({ jobs }) => jobs), ...last])
    expect(page.length).toBeLessThanOrEqual(100)
  for (const page of since) expect(page.length).toBeLessThanOrEqual(1_000)
  await clean.dispose()
})

it('says of many at once how they ended and whose they are, by one query each', async () => {
  const clean = await openDatabase(':memory:', computeMigrations)
  const own = createJobStore(clean)
  const all = vi.spyOn(clean, 'all')
  const skipped = { code: 'compute.skipped' as const, message: '' }
  clean.transaction(() => {
    own.insert(definition('j-a' as JobId), { ...status(0), state: 'succeeded', finishedAt: 1 })
    own.insert(definition('j-b' as JobId), {
      ...status(0),
      state: 'cancelled',
      error: skipped,
      finishedAt: 1,
    })
    own.insert(definition('j-c' as JobId), status(0))
  })
  const ids = ['j-a', 'j-b', 'j-c', 'j-none'] as JobId[]
  expect([...own.endingsOf(ids)]).toEqual([
    ['j-a', 'succeeded'],
    ['j-b', 'skipped'],
  ])
  expect([...own.ownersOf(ids).keys()]).toEqual(['j-a', 'j-b', 'j-c'])
  expect(all).toHaveBeenCalledTimes(2)
  await clean.dispose()
})

it('a number is never given twice, also not that of a job that was removed or undone', () => {
  const insert = (id: string) => database.transaction(() => store.insert(definition(id as JobId), status(0)))
  const first = insert('j-first')
  database.transaction(() => store.remove('j-first' as JobId))
  nest(() => {
    store.insert(definition('j-undone' as JobId), status(0))
    throw new Undone()
  })
  expect(insert('j-second')).toBeGreaterThan(first)
  expect(createJobStore(database).insert(definition('j-third' as JobId), status(0))).toBeGreaterThan(
    first + 1,
  )
  expect(onDisk('j-third' as JobId)).toBe(0)
})

function nest(work: () => void): void {
  try {
    database.transaction(work)
  } catch (error) {
    if (!(error instanceof Undone)) throw error
  }
}

/** Not through the store, which may only have noted it. */
function onDisk(id: JobId): number | undefined {
  const db = database.builder<{ job: { id: string; attempt: number } }>()
  return database.first(db.selectFrom('job').select('attempt').where('id', '=', id))?.attempt
}

function definition(id: JobId): JobDefinition {
  return {
    id,
    kind: 'synthetic',
    name: 'test',
    reference: null,
    model: null,
    modelVersion: null,
    parameters: { kind: 'synthetic', durationMs: 1, busy: false, fail: null },
    items: 1,
    need: {},
    place: null,
    timeoutMs: null,
    maxAttempts: 1,
    deadline: null,
    dependsOn: [],
    runWhen: 'succeeded',
    preemptible: true,
    links: [],
    pipeline: null,
    fingerprint: null,
    reusedFrom: null,
    labels: {},
    principal: 'p-test' as PrincipalId,
    idempotencyKey: null,
    createdAt: 0,
  }
}

/** Told apart by the attempt. */
function status(attempt: number): JobStatus {
  return { ...firstStatus({ hold: false, priority: 50 }, 0), attempt }
}
