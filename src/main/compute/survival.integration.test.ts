import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Inputs, Job, JobSpecInput } from '../../shared/contract'
import { JobSpec } from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { buildWorkers } from '../runtimes/testing/build-workers'
import { processGone } from '../runtimes/testing/fixtures'
import { importAndSettle } from '../storage/testing/harness'
import { openRealSystem, REAL_WORKERS } from './testing/real-system'

const FIXTURES = resolve(import.meta.dirname, '../../../fixtures')
const BY = 'p-test' as PrincipalId
type System = Awaited<ReturnType<typeof openRealSystem>>

let workers: Awaited<ReturnType<typeof buildWorkers>>
let folder: string
let digits: Omit<JobSpecInput & { kind: 'batch' }, 'items'> & { items: Inputs[] }
let expected: Float32Array

beforeAll(async () => {
  workers = await buildWorkers({
    ...REAL_WORKERS,
    child: 'src/main/compute/testing/child.ts',
  })
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
afterAll(() => workers?.dispose())

const INPUT = 'image'

async function withFolder(work: () => Promise<void>): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'compute-survival-'))
  try {
    await work()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const open = () => openRealSystem(join(folder, 'data'), workers.dir)

function ended(system: System, ids: readonly string[]): Promise<void> {
  return new Promise((done) => {
    const check = () => {
      if (!ids.every((id) => isTerminal(system.compute.get(id).state))) return
      off()
      done()
    }
    const off = system.compute.onDidChangeJobs(check)
    check()
  })
}

async function importDigits(system: System): Promise<void> {
  const imported = await importAndSettle(system.storage, join(FIXTURES, 'mnist_cnn.onnx'), 'mnist')
  expect(imported).toMatchObject({ state: 'completed', model: 'mnist', version: 1 })
  expect(system.storage.resolve('mnist@1').signature.inputs[0]?.name).toBe(INPUT)
}

/** Starts the child and kills it once `enough` says so. @returns what it had acknowledged */
async function runAndKill(
  specs: JobSpecInput[],
  enough: (acknowledged: string[], progress: number) => boolean,
): Promise<string[]> {
  const child: ChildProcess = spawn(
    process.execPath,
    [join(workers.dir, 'child.cjs'), join(folder, 'data'), workers.dir],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const acknowledged: string[] = []
  let killed = false
  await new Promise<void>((done) => {
    child.once('exit', () => done())
    if (!child.stdout) return
    createInterface({ input: child.stdout }).on('line', (line) => {
      const message = JSON.parse(line) as { event: string; id?: string; progress?: number }
      if (message.event === 'ready') for (const spec of specs) child.stdin?.write(`${JSON.stringify(spec)}\n`)
      if (message.event === 'acknowledged' && message.id) acknowledged.push(message.id)
      if (!killed && enough(acknowledged, message.progress ?? 0)) {
        killed = true
        child.kill('SIGKILL')
      }
    })
  })
  return acknowledged
}

describe('kill -9 of the whole program', () => {
  it(
    'in the middle of a batch: it goes on from what was finished, and the outputs are those of an undisturbed run',
    () =>
      withFolder(async () => {
        const first = await open()
        await importDigits(first)
        await first.close()
        // Long enough that several checkpoints fall before the kill.
        const items = Array.from({ length: 300 }, () => digits.items).flat()
        const batch = { ...digits, items } as JobSpecInput
        const [id = ''] = await runAndKill([batch], (_acknowledged, progress) => progress > 0.2)
        const second = await open()
        const rows = () =>
          second.database.all(
            second.database
              .builder<{ artifacts: { job: string; name: string; created_at: number } }>()
              .selectFrom('artifacts')
              .select(['name', 'created_at'])
              .where('job', '=', id)
              .where('name', 'like', 'items-%')
              .orderBy('name'),
          )
        const before = rows()
        expect(before.length).toBeGreaterThan(0)
        expect(second.compute.get(id).progress).toBeGreaterThan(0)
        await ended(second, [id])
        expect(second.compute.get(id)).toMatchObject({ state: 'succeeded', attempt: 2 })
        // What was finished was not touched again.
        expect(rows().slice(0, before.length)).toEqual(before)
        expect(rows().length).toBeGreaterThan(before.length)
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
        expect(second.core.listLeases().filter(({ job }) => job !== null)).toEqual([])
        await second.close()
      }),
    120_000,
  )

  it(
    'in the middle of many loads: nothing acknowledged is lost, each job ends exactly once',
    () =>
      withFolder(async () => {
        const specs = Array.from(
          { length: 400 },
          (_, i): JobSpecInput => ({ kind: 'synthetic', durationMs: i % 3, name: `load ${i}` }),
        )
        const acknowledged = await runAndKill(specs, (ids) => ids.length >= 150)
        const more = await runAndKill(specs, (ids) => ids.length >= 100)
        const all = [...acknowledged, ...more]
        const system = await open()
        const ends = new Map<string, number>()
        const terminalBefore = new Map(
          system.compute
            .list({ limit: 1000 })
            .items.filter(({ state }) => isTerminal(state))
            .map((job) => [job.id, job]),
        )
        system.compute.onDidChangeJobs(({ changed }) => {
          for (const job of changed) if (isTerminal(job.state)) ends.set(job.id, (ends.get(job.id) ?? 0) + 1)
        })
        await ended(system, all)
        for (const id of all) expect(system.compute.get(id).state).toBe('succeeded')
        for (const [id, job] of terminalBefore) expect(system.compute.get(id)).toEqual(job)
        for (const [id, count] of ends) expect([id, count]).toEqual([id, 1])
        await system.close()
      }),
    120_000,
  )
})

describe('real workers', () => {
  it(
    'crash, hang and error end their attempt, and the next job runs',
    () =>
      withFolder(async () => {
        const system = await open()
        const submit = (spec: JobSpecInput): Promise<Job> => system.compute.submit(JobSpec.parse(spec), BY)
        const crash = await submit({ kind: 'synthetic', durationMs: 5, fail: 'crash', maxAttempts: 2 })
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
        expect(system.core.listLeases().filter(({ job }) => job !== null)).toEqual([])
        await system.close()
      }),
    60_000,
  )

  it(
    'that are killed again and again leave every job ended, nothing held, and no process behind',
    () =>
      withFolder(async () => {
        const system = await open()
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
          kills++
          process.kill(victim, 'SIGKILL')
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
      }),
    120_000,
  )

  it(
    'run a real model: one inference, and a benchmark on zeros',
    () =>
      withFolder(async () => {
        const system = await open()
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
        await system.close()
      }),
    60_000,
  )
})
