import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobSpecInput } from '../../shared/contract'
import { isTerminal } from '../../shared/domain/job-state'
import { createHarness, type Harness, type Opened } from './testing/harness'

let harness: Harness
let system: Opened
beforeEach(async () => {
  harness = await createHarness({ cores: 4 })
  system = await harness.open()
})
afterEach(async () => {
  await system.die()
  await harness.remove()
})

/** Lets SQLite refuse a row of the job named `bad`. */
function refuse(what: 'insert' | 'update', when: string): void {
  const { database } = system
  const text = `create trigger refuse before ${what} on job when new.name = 'bad' and ${when} begin select raise(abort, 'no'); end`
  database.run({ compile: () => sql.raw(text).compile(database.builder()) })
}

const load = (name: string, more: object = {}) =>
  system.submit({ kind: 'synthetic', durationMs: 100, name, ...more } as JobSpecInput)
const job = (id: string) => system.compute.get(id)

async function allEnded(ids: readonly string[]): Promise<void> {
  for (let i = 0; i < 100 && !ids.every((id) => isTerminal(job(id).state)); i++)
    await harness.clock.advance(50)
}

describe('a row that the database refuses', () => {
  it.each([
    ['of a job that has succeeded', "new.state = 'succeeded'"],
    ['of a job that begins', "new.state = 'running'"],
  ])('%s fails that job alone, and says why', async (_, when) => {
    refuse('update', when)
    // So that they wait, and their rows are there before they begin.
    await load('first', { need: { cpuCores: 4 } })
    const jobs = await Promise.all(['one', 'bad', 'two'].map((name) => load(name)))
    const ids = jobs.map(({ id }) => id)
    await allEnded(ids)
    expect(ids.map((id) => job(id).state)).toEqual(['succeeded', 'failed', 'succeeded'])
    expect(job(ids[1] ?? '').error).toMatchObject({
      code: 'internal',
      message: expect.stringContaining('The database refused'),
    })
    const after = await load('three')
    await allEnded([after.id])
    expect(job(after.id).state).toBe('succeeded')
    expect(system.core.listLeases().filter(({ job: holder }) => holder !== null)).toEqual([])
  })

  it('of a new job turns that one away, and none that comes with it', async () => {
    refuse('insert', 'true')
    const outcomes = await Promise.allSettled(['one', 'bad', 'two'].map((name) => load(name)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'internal' } })
    const { items } = system.compute.list({ limit: 10 })
    await allEnded(items.map(({ id }) => id))
    expect(items.map(({ name }) => name).sort()).toEqual(['one', 'two'])
  })

  it('of a job with a time that is no number fails that job alone', async () => {
    const { run } = system.executor
    let calls = 0
    system.executor.run = async (...args) => {
      const outcome = await run(...args)
      return calls++ === 0 ? { ...outcome, computeMs: Number.NaN } : outcome
    }
    const ids = [await load('one'), await load('two')].map(({ id }) => id)
    await allEnded(ids)
    expect(ids.map((id) => job(id).state).sort()).toEqual(['failed', 'succeeded'])
  })
})

it('a time longer than any calendar, as an earlier version may have stored, is in nobody’s way', async () => {
  const { run } = system.executor
  system.executor.run = async (...args) => ({ ...(await run(...args)), computeMs: 1e300 })
  system.executor.itemMs = 1000
  const infer = () =>
    system.submit({
      kind: 'infer',
      model: 'm@1',
      inputs: { x: { dtype: 'float32', shape: [2], data: [1, 2] } },
    })
  const first = await infer()
  for (let i = 0; i < 100 && !isTerminal(job(first.id).state); i++) await harness.clock.advance(100)
  expect(job(first.id).timings.computeMs).toBe(1e300)
  const second = await infer()
  await harness.clock.advance(100)
  expect(job(second.id)).toMatchObject({ state: 'running', expectedAt: '9999-12-31T23:59:59.999Z' })
  await allEnded([second.id])
  expect(job(second.id).state).toBe('succeeded')
})
