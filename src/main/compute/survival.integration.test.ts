import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Inputs, Job, JobSpecInput } from '../../shared/contract'
import { JobSpec } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { type Database, openToRead } from '../platform/database'
import { processGone } from '../runtimes/testing/fixtures'
import { importAndSettle } from '../storage/testing/harness'
import {
  BY,
  close,
  countEnds,
  createSurvival,
  ended,
  type Survival,
  type System,
  until,
} from './testing/survival'

const FIXTURES = resolve(import.meta.dirname, '../../../fixtures')

let survival: Survival
let digits: Omit<JobSpecInput & { kind: 'batch' }, 'items'> & { items: Inputs[] }
let expected: Float32Array

beforeAll(async () => {
  survival = await createSurvival('onnx')
  const bytes = await readFile(join(FIXTURES, 'test100.f32'))
  const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
  const reference = await readFile(join(FIXTURES, 'ref100.f32'))
  expected = new Float32Array(
    reference.buffer.slice(reference.byteOffset, reference.byteOffset + reference.length),
  )
  const items = Array.from({ length: 100 }, (_, i) => {
    const digit = all.slice(i * 784, (i + 1) * 784)
    return {
      [INPUT]: {
        dtype: 'float32' as const,
        shape: [1, 1, 28, 28],
        base64: Buffer.from(digit.buffer).toString('base64'),
      },
    }
  })
  digits = { kind: 'batch', model: 'mnist@1', items, batchSize: 1 }
}, 120_000)
afterEach(() => survival.clear())
afterAll(() => survival?.dispose())

const INPUT = 'image'

async function importDigits(system: System): Promise<void> {
  const imported = await importAndSettle(system.storage, join(FIXTURES, 'mnist_cnn.onnx'), 'mnist')
  expect(imported).toMatchObject({ state: 'completed', model: 'mnist', version: 1 })
  expect(system.storage.resolve('mnist@1').signature.inputs[0]?.name).toBe(INPUT)
}

/** What is on the disk of the items that a batch has finished. */
function partsOf(database: Database, id: string) {
  return database.all(
    database
      .builder<{ artifacts: { job: string; name: string; created_at: number } }>()
      .selectFrom('artifacts')
      .select(['name', 'created_at'])
      .where('job', '=', id)
      .where('name', 'like', 'items-%')
      .orderBy('name'),
  )
}

/** @returns false when there is no such process */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

/** Starts the program and kills it once it has acknowledged so many. @returns those that it has acknowledged */
async function submitAndKill(specs: JobSpecInput[], enough: number): Promise<string[]> {
  const program = survival.start()
  const acknowledged: string[] = []
  const submitted = specs.map(async (spec) => {
    acknowledged.push((await program.compute.submit(JobSpec.parse(spec), BY)).id)
  })
  void Promise.allSettled(submitted)
  await until(() => acknowledged.length >= enough)
  await program.kill()
  return acknowledged
}

describe('kill -9 of the whole program', () => {
  it('in the middle of a batch: it goes on from what was finished, and the outputs are those of an undisturbed run', async () => {
    const first = await survival.open()
    await importDigits(first)
    await close(first)
    const items = Array.from({ length: 120 }, () => digits.items).flat()
    const batch = { ...digits, items } as JobSpecInput
    const program = survival.start()
    const { id } = await program.compute.submit(JobSpec.parse(batch), BY)
    // However fast the machine is, the first checkpoint falls in the middle: till it is due the worker stands still.
    if (process.platform !== 'win32') {
      await until(async () => (await program.compute.get(id)).progress > 0)
      const [pid = 0] = (await program.compute.engines()).flatMap((engine) => engine.pid ?? [])
      process.kill(pid, 'SIGSTOP')
      await sleep(300)
      process.kill(pid, 'SIGCONT')
    }
    const disk = openToRead(join(survival.dataDir, 'test.db'))
    await until(() => partsOf(disk, id).length > 0)
    await disk.dispose()
    await program.kill()
    const second = await survival.open()
    const before = partsOf(second.database, id)
    expect(before.length).toBeGreaterThan(0)
    expect(second.compute.get(id).progress).toBeGreaterThan(0)
    await ended(second, [id])
    expect(second.compute.get(id)).toMatchObject({ state: 'succeeded', attempt: 2 })
    // What was finished was not touched again.
    const after = partsOf(second.database, id)
    expect(after.slice(0, before.length)).toEqual(before)
    expect(after.length).toBeGreaterThan(before.length)
    const result = await second.compute.result(id as JobId, 0)
    expect(result.items).toHaveLength(items.length)
    let worst = 0
    for (const [i, { outputs }] of (result.items ?? []).entries()) {
      const output = Object.values(outputs)[0]
      const data = output && 'data' in output ? output.data : []
      for (let k = 0; k < 10; k++)
        worst = Math.max(worst, Math.abs(Number(data[k]) - (expected[(i % 100) * 10 + k] ?? 0)))
    }
    expect(worst).toBeLessThan(1e-4)
    expect(await close(second)).toEqual([])
  }, 120_000)

  it('in the middle of many loads: nothing acknowledged is lost, each job ends exactly once', async () => {
    const specs = Array.from(
      { length: 400 },
      (_, i): JobSpecInput => ({ kind: 'synthetic', durationMs: i % 3, name: `load ${i}` }),
    )
    const acknowledged = await submitAndKill(specs, 150)
    const more = await submitAndKill(specs, 100)
    const all = [...acknowledged, ...more]
    const system = await survival.open()
    const terminalBefore = new Map(
      system.compute
        .list({ limit: 1000 })
        .items.filter(({ state }) => isTerminal(state))
        .map((job) => [job.id, job]),
    )
    const ends = countEnds(system)
    await ended(system, all)
    for (const id of all) expect(system.compute.get(id).state).toBe('succeeded')
    for (const [id, job] of terminalBefore) expect(system.compute.get(id)).toEqual(job)
    for (const [id, count] of ends) expect([id, count]).toEqual([id, 1])
    await close(system)
  }, 120_000)
})

describe('real workers', () => {
  it('crash, hang and error end their attempt, and the next job runs', async () => {
    const system = await survival.open()
    const submit = (spec: JobSpecInput): Promise<Job> => system.compute.submit(JobSpec.parse(spec), BY)
    const crash = await submit({
      kind: 'synthetic',
      durationMs: 5,
      fail: 'crash',
      maxAttempts: 2,
      preemptible: false,
    })
    const error = await submit({ kind: 'synthetic', durationMs: 5, fail: 'error' })
    const hang = await submit({ kind: 'synthetic', durationMs: 5, fail: 'hang', timeoutMs: 300 })
    const fine = await submit({ kind: 'synthetic', durationMs: 5 })
    const cancelled = await submit({ kind: 'synthetic', durationMs: 60_000 })
    await ended(system, [crash.id, error.id, hang.id, fine.id])
    expect(system.compute.get(crash.id)).toMatchObject({
      state: 'failed',
      attempt: 2,
      error: { code: 'compute.worker_crashed' },
    })
    expect(system.compute.get(error.id)).toMatchObject({
      state: 'failed',
      error: { code: 'compute.runtime_failed' },
    })
    expect(system.compute.get(hang.id)).toMatchObject({
      state: 'failed',
      error: { code: 'compute.timeout' },
    })
    expect(system.compute.get(fine.id).state).toBe('succeeded')
    expect((await system.compute.cancel(cancelled.id as JobId)).state).toBe('cancelled')
    expect(await close(system)).toEqual([])
  }, 60_000)

  it('that are killed again and again leave every job ended, nothing held, and no process behind', async () => {
    const system = await survival.open()
    const fails = [undefined, undefined, undefined, 'crash', 'error', 'hang'] as const
    const jobs = await Promise.all(
      Array.from({ length: 36 }, (_, i) => {
        const load = {
          kind: 'synthetic' as const,
          durationMs: (i % 5) * 60,
          fail: fails[i % fails.length],
        }
        const more = {
          maxAttempts: 1 + (i % 3),
          timeoutMs: 600,
          need: { cpuCores: i % 2 === 0 ? 1 : 0.5 },
        }
        return system.compute.submit(JobSpec.parse({ ...load, ...more }), BY)
      }),
    )
    const ids = jobs.map(({ id }) => id)
    const pids = new Set<number>()
    let kills = 0
    const killing = setInterval(() => {
      const busy = system.compute.engines().filter(({ state }) => state === 'busy')
      for (const { pid } of system.compute.engines()) if (pid !== null) pids.add(pid)
      const victim = busy[kills % Math.max(1, busy.length)]?.pid
      if (victim === undefined || victim === null || kills >= 20) return
      // It may have ended by itself.
      if (killed(victim)) kills++
    }, 150)
    await ended(system, ids)
    clearInterval(killing)
    expect(kills).toBeGreaterThan(5)
    for (const id of ids) {
      const { state, error } = system.compute.get(id)
      if (state !== 'succeeded')
        expect(error?.code).toMatch(/^compute\.(worker_crashed|runtime_failed|timeout)$/)
    }
    expect(system.core.listLeases().filter(({ job }) => job !== null)).toEqual([])
    for (const { id, free, capacity } of system.core.freeDevices())
      expect([id, free.cpuCores]).toEqual([id, capacity.cpuCores])
    await system.close()
    await Promise.all([...pids].map(processGone))
  }, 120_000)

  it('run a real model: one inference, and a benchmark on zeros', async () => {
    const system = await survival.open()
    await importDigits(system)
    const item = digits.items[0]
    if (!item) throw new Error('The fixture is empty.')
    const infer = await system.compute.submit(
      JobSpec.parse({ kind: 'infer', model: 'mnist@1', inputs: item }),
      BY,
    )
    const result = await system.compute.result(infer.id as JobId, 30_000)
    const output = Object.values(result.outputs ?? {})[0]
    const data = output && 'data' in output ? output.data : []
    expect(data).toHaveLength(10)
    for (let k = 0; k < 10; k++) expect(Number(data[k])).toBeCloseTo(expected[k] ?? Number.NaN, 3)
    const benchmark = await system.compute.submit(
      JobSpec.parse({ kind: 'benchmark', model: 'mnist@1', iterations: 20 }),
      BY,
    )
    expect(await system.compute.result(benchmark.id as JobId, 30_000)).toMatchObject({
      iterations: 20,
      latencyMs: { p50: expect.any(Number) },
    })
    expect(system.storage.benchmarks('mnist')).toEqual([
      expect.objectContaining({ job: benchmark.id, version: 1, iterations: 20, device: 'cpu0' }),
    ])
    await close(system)
  }, 60_000)
})
