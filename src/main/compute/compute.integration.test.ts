import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { AppError } from '../../shared/errors'
import { settle } from '../core/testing/fake-clock'
import {
  ALICE,
  createHarness,
  fakeVersion,
  type Harness,
  type HarnessOptions,
  type Opened,
  until,
} from './testing/harness'

const x = (a: number, b: number) => ({ x: { dtype: 'float32' as const, shape: [2], data: [a, b] } })
const id = (job: { id: string }) => job.id as JobId

let harness: Harness
let system: Opened

async function setUp(options: HarnessOptions = {}): Promise<void> {
  harness = await createHarness(options)
  system = await harness.open()
}

beforeEach(() => setUp())
afterEach(async () => {
  await system.die()
  await harness.remove()
})

async function ended(job: { id: string }): Promise<void> {
  await until(() => isTerminal(system.compute.get(job.id).state))
}

describe('a job', () => {
  it('asks how the jobs it waits for have ended for all at once', async () => {
    const before = await Promise.all(
      Array.from({ length: 200 }, () => system.submit({ kind: 'synthetic', durationMs: 0 })),
    )
    await until(() => before.every((job) => isTerminal(system.compute.get(job.id).state)))
    const looks = [vi.spyOn(system.database, 'first'), vi.spyOn(system.database, 'all')]
    const dependsOn = before.map(id)
    await ended(await system.submit({ kind: 'synthetic', durationMs: 0, dependsOn }))
    expect(looks.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBeLessThan(50)
  })

  it('runs on an engine and keeps its result, its timings and its log', async () => {
    system.executor.loadMs = 40
    system.executor.itemMs = 10
    const job = await system.submit({ kind: 'infer', model: 'm@prod', inputs: x(1, 2) })
    expect(job).toMatchObject({ model: 'm@prod', modelVersion: 1, name: 'infer m', need: { cpuCores: 1 } })
    await until(() => system.compute.get(job.id).state === 'running')
    expect(system.core.listLeases().map(({ job: holder, need }) => [holder, need])).toEqual([
      [job.id, { cpuCores: 1 }],
    ])
    await harness.clock.advance(40)
    await harness.clock.advance(10)
    await ended(job)
    expect(system.compute.get(job.id)).toMatchObject({
      state: 'succeeded',
      attempt: 1,
      progress: 1,
      timings: { queuedMs: 0, loadMs: 40, computeMs: 10 },
    })
    expect(await system.compute.result(id(job), 0)).toMatchObject({ kind: 'infer', outputs: x(1, 2) })
    expect((await system.compute.log(id(job))).map(({ text }) => text)).toEqual([
      'Submitted',
      'Started on cpu0',
      'Loading m@1',
      'Loaded in 40 ms',
      'Succeeded in 10 ms',
    ])
    expect(system.core.listLeases()).toEqual([])
  })

  it('that ended without a result has no texts, whether they are followed or asked for later', async () => {
    harness.versions.set('words@1', { ...fakeVersion('words', 1), format: 'gguf' })
    const held = await system.submit({ kind: 'generate', model: 'words@1', prompt: 'Once', hold: true })
    const texts = async () => {
      const pieces = []
      for await (const piece of system.compute.text(id(held), undefined)) pieces.push(piece)
      return pieces
    }
    const followed = texts()
    await system.compute.cancel(id(held))
    expect(await followed).toEqual([])
    expect(await texts()).toEqual([])
  })

  it('that is tried again runs with the version that its reference meant when that was asked', async () => {
    harness.versions.set('words@1', { ...fakeVersion('words', 1), format: 'gguf' })
    harness.versions.set('words@2', { ...fakeVersion('words', 2), format: 'gguf' })
    const point = (at: 1 | 2) =>
      harness.versions.set('words@prod', { ...fakeVersion('words', at), format: 'gguf' })
    point(1)
    const first = await system.submit({ kind: 'generate', model: 'words@prod', prompt: 'Once', hold: true })
    await system.compute.cancel(id(first))
    const retried = system.compute.retry(id(first), ALICE)
    point(2)
    expect((await retried).modelVersion).toBe(1)
  })

  it('waits for a runtime that is being tried without holding anything, and says so', async () => {
    system.executor.beingTried.set('onnx', 'ONNX Runtime')
    const waiting = await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1, 2) })
    await ended(await system.submit({ kind: 'synthetic', durationMs: 0, need: { cpuCores: 2 } }))
    const { queue, get } = system.compute
    expect(queue().waiting.map(({ reason }) => reason)).toEqual([
      'Waiting until it is known whether ONNX Runtime works here',
    ])
    expect(system.core.listLeases()).toEqual([])
    system.executor.answer()
    await ended(waiting)
    expect(get(waiting.id).state).toBe('succeeded')

    system.executor.beingTried.set('onnx', 'ONNX Runtime')
    const warm = await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1, 2) })
    await ended(warm)
    expect(system.executor.loads).toEqual(['synthetic@0', 'm@1'])
  })

  it('quota bypass: a need of nothing still holds a core, and a benchmark has no more threads than cores', async () => {
    const idle = await system.submit({ kind: 'synthetic', durationMs: 1, need: {}, hold: true })
    expect(idle.need).toEqual({ cpuCores: 1 })
    const tiny = await system.submit({ kind: 'synthetic', durationMs: 1, need: { cpuCores: 0 }, hold: true })
    expect(tiny.need).toEqual({ cpuCores: 0.1 })
    await system.submit({
      kind: 'benchmark',
      model: 'm@1',
      iterations: 1,
      threads: 64,
      need: { cpuCores: 0.5 },
    })
    await until(() => system.executor.threads.length > 0)
    expect(system.executor.threads).toEqual([1])
  })

  it('reuses the warm engine, and one engine runs one job at a time', async () => {
    system.executor.itemMs = 5
    system.executor.loadMs = 100
    const jobs = await Promise.all(
      [1, 2, 3].map((n) => system.submit({ kind: 'infer', model: 'm@1', inputs: x(n, n) })),
    )
    for (let i = 0; i < 50; i++) await harness.clock.advance(5)
    for (const job of jobs) await ended(job)
    expect(system.executor.loads).toEqual(['m@1'])
    expect(system.compute.engines()).toHaveLength(1)
  })

  it('is refused when its inputs do not fit, and nothing of it remains', async () => {
    const wrong = { x: { dtype: 'int32' as const, shape: [2], data: [1, 2] } }
    await expect(system.submit({ kind: 'infer', model: 'm@1', inputs: wrong })).rejects.toMatchObject({
      code: 'compute.invalid_input',
    })
    await expect(
      system.submit({ kind: 'batch', model: 'm@1', items: [x(1, 2), wrong] }),
    ).rejects.toMatchObject({
      code: 'compute.invalid_input',
      details: { item: 1 },
    })
    await expect(system.submit({ kind: 'infer', model: 'm@9', inputs: x(1, 2) })).rejects.toMatchObject({
      code: 'storage.not_found',
    })
    await expect(
      system.submit({ kind: 'synthetic', durationMs: 1, need: { cpuCores: 99 } }),
    ).rejects.toMatchObject({
      code: 'core.impossible',
    })
    await expect(
      system.submit({ kind: 'synthetic', durationMs: 1, dependsOn: ['j-none'] }),
    ).rejects.toMatchObject({
      code: 'compute.invalid_input',
    })
    expect(system.compute.list({ limit: 10 }).items).toEqual([])
  })

  it('with the same key is the first job, also when both come at once', async () => {
    const spec = { kind: 'synthetic', durationMs: 1, idempotencyKey: 'k' } as const
    const [first, second] = await Promise.all([system.submit(spec), system.submit(spec)])
    expect(second.id).toBe(first.id)
    expect((await system.submit(spec)).id).toBe(first.id)
    expect(system.compute.list({ limit: 10 }).items).toHaveLength(1)
  })

  it('runs a benchmark on zeros of the signature', async () => {
    const job = await system.submit({ kind: 'benchmark', model: 'm@1', iterations: 5 })
    await ended(job)
    expect(await system.compute.result(id(job), 0)).toMatchObject({
      iterations: 5,
      throughput: 1000,
      latencyMs: { p99: 3 },
    })
    expect(harness.benchmarks).toMatchObject([{ job: job.id, version: 1, device: 'cpu0', iterations: 5 }])
  })

  it('gives long tensors as base64', async () => {
    const shape = [2, 1, 5001]
    const version = {
      ...[...harness.versions.values()][0]!,
      signature: { inputs: [{ name: 'x', dtype: 'float32' as const, shape }], outputs: [] },
    }
    harness.versions.set('m@2', { ...version, version: 2 })
    const data = Array.from({ length: 10_002 }, (_, i) => i)
    const job = await system.submit({
      kind: 'infer',
      model: 'm@2',
      inputs: { x: { dtype: 'float32', shape, data } },
    })
    await ended(job)
    const { outputs } = await system.compute.result(id(job), 0)
    expect(outputs?.['x']).toMatchObject({ dtype: 'float32', base64: expect.any(String) })
  })
})

describe('failures', () => {
  it('are tried again after a growing wait, up to maxAttempts', async () => {
    const job = await system.submit({ kind: 'synthetic', durationMs: 0, fail: 'crash', maxAttempts: 3 })
    await until(
      () => system.compute.get(job.id).attempt === 1 && system.compute.get(job.id).state === 'queued',
    )
    expect(system.compute.get(job.id).waitReason).toMatch(/^Tries again in /)
    await harness.clock.advance(240)
    expect(system.compute.get(job.id).attempt).toBe(1)
    await harness.clock.advance(260)
    await until(
      () => system.compute.get(job.id).attempt === 2 && system.compute.get(job.id).state === 'queued',
    )
    await harness.clock.advance(1000)
    await ended(job)
    expect(system.compute.get(job.id)).toMatchObject({
      state: 'failed',
      attempt: 3,
      error: { code: 'compute.worker_crashed' },
      attempts: [
        { attempt: 1, end: 'failed' },
        { attempt: 2, end: 'failed' },
      ],
    })
    await expect(system.compute.result(id(job), 0)).rejects.toMatchObject({ code: 'compute.worker_crashed' })
    expect((await system.compute.log(id(job))).filter(({ level }) => level === 'error')).toHaveLength(3)
    expect(system.core.listLeases()).toEqual([])
  })

  it('by an error of the model end in a failure that says so', async () => {
    const job = await system.submit({ kind: 'synthetic', durationMs: 0, fail: 'error' })
    await ended(job)
    expect(system.compute.get(job.id)).toMatchObject({
      state: 'failed',
      error: { code: 'compute.runtime_failed' },
    })
  })

  it('a hang ends with its timeout, and the next job runs', async () => {
    const job = await system.submit({ kind: 'synthetic', durationMs: 0, fail: 'hang', timeoutMs: 500 })
    await until(() => system.compute.get(job.id).state === 'running')
    await harness.clock.advance(499)
    expect(system.compute.get(job.id).state).toBe('running')
    await harness.clock.advance(1)
    await ended(job)
    expect(system.compute.get(job.id)).toMatchObject({ state: 'failed', error: { code: 'compute.timeout' } })
    const next = await system.submit({ kind: 'synthetic', durationMs: 0 })
    await ended(next)
    expect(system.compute.get(next.id).state).toBe('succeeded')
  })

  it('of a load fail the attempt and return the memory', async () => {
    system.executor.memoryBytes = 1e6
    system.executor.loadFailures.push(new AppError('compute.runtime_failed', 'The graph has a cycle.'))
    const job = await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1, 2) })
    await ended(job)
    expect(system.compute.get(job.id).error).toMatchObject({ message: 'The graph has a cycle.' })
    await until(() => system.core.listLeases().length === 0)
  })
})

describe('control', () => {
  it('cancels a queued job at once and a running one when its worker has stopped', async () => {
    const running = await system.submit({ kind: 'synthetic', durationMs: 1000, need: { cpuCores: 2 } })
    await until(() => system.compute.get(running.id).state === 'running')
    const waiting = await system.submit({ kind: 'synthetic', durationMs: 1000 })
    expect((await system.compute.cancel(id(waiting))).state).toBe('cancelled')
    expect((await system.compute.cancel(id(running))).state).toBe('cancelled')
    await expect(system.compute.cancel(id(running))).rejects.toMatchObject({ code: 'compute.conflict' })
    await expect(system.compute.result(id(running), 0)).rejects.toMatchObject({ code: 'compute.conflict' })
    await expect(system.compute.cancel('j-none' as JobId)).rejects.toMatchObject({
      code: 'compute.not_found',
    })
    expect(system.core.listLeases()).toEqual([])
  })

  it('a cancel that was acknowledged holds after a crash of the program', async () => {
    const job = await system.submit({ kind: 'synthetic', durationMs: 1e6 })
    await until(() => system.compute.get(job.id).state === 'running')
    const cancelled = system.compute.cancel(id(job))
    cancelled.catch(() => undefined)
    // The request is on the disk; the program dies before the worker has stopped.
    await new Promise((resolve) => setImmediate(resolve))
    await system.die()
    system = await harness.open()
    expect(system.compute.get(job.id).state).toBe('cancelled')
  })

  it('holds, resumes and reorders', async () => {
    const busy = await system.submit({ kind: 'synthetic', durationMs: 100, need: { cpuCores: 2 } })
    const low = await system.submit({
      kind: 'synthetic',
      durationMs: 10,
      need: { cpuCores: 2 },
      priority: 10,
    })
    const high = await system.submit({
      kind: 'synthetic',
      durationMs: 10,
      need: { cpuCores: 2 },
      priority: 60,
      hold: true,
    })
    expect(high).toMatchObject({ state: 'held', waitReason: 'Held until it is resumed' })
    await system.compute.resume(id(high))
    await system.compute.setPriority(id(low), 90)
    await expect(system.compute.hold(id(busy))).rejects.toMatchObject({ code: 'compute.conflict' })
    await expect(system.compute.resume(id(low))).rejects.toMatchObject({ code: 'compute.conflict' })
    await harness.clock.advance(300)
    expect(system.compute.queue().waiting.map(({ job }) => job)).toEqual([])
    const startedAt = (job: { id: string }) => system.compute.get(job.id).startedAt ?? ''
    expect(startedAt(low) < startedAt(high)).toBe(true)
  })

  it('says why a job waits, and for whom', async () => {
    const busy = await system.submit({
      kind: 'synthetic',
      durationMs: 60_000,
      need: { cpuCores: 2 },
      name: 'nightly-embed',
    })
    const first = await system.submit({ kind: 'synthetic', durationMs: 10, need: { cpuCores: 2 } })
    const second = await system.submit({ kind: 'synthetic', durationMs: 10, need: { cpuCores: 2 } })
    await harness.clock.advance(250)
    expect(system.compute.get(first.id).waitReason).toBe(
      `Waiting for 2 CPU cores: 2 held by nightly-embed (j-${busy.id.slice(-5)}) for about 1 min`,
    )
    expect(system.compute.get(second.id).waitReason).toMatch(/^Behind 1 job/)
    await until(() => system.compute.get(first.id).estimateMs !== null)
    expect(system.compute.get(first.id).estimateMs).toBeGreaterThan(50_000)
    const queue = system.compute.queue()
    expect(queue).toMatchObject({
      depth: 2,
      byState: { queued: 2, running: 1 },
      byPriority: [{ priority: 50, queued: 2 }],
    })
    expect(queue.waiting.map(({ job }) => job)).toEqual([first.id, second.id])
  })

  it('counts no wait for other jobs as waiting in the queue, whenever it is held', async () => {
    const first = await system.submit({ kind: 'synthetic', durationMs: 10_000 })
    const after = await system.submit({ kind: 'synthetic', durationMs: 10, dependsOn: [first.id] })
    await harness.clock.advance(5000)
    await system.compute.hold(id(after))
    await harness.clock.advance(6000)
    await ended(first)
    await system.compute.resume(id(after))
    await harness.clock.advance(100)
    await ended(after)
    expect(system.compute.get(after.id).timings.queuedMs).toBeLessThan(1000)
    const long = await system.submit({ kind: 'synthetic', durationMs: 60_000 })
    const next = await system.submit({ kind: 'synthetic', durationMs: 10, dependsOn: [long.id] })
    await harness.clock.advance(5000)
    await system.compute.cancel(id(long))
    await ended(next)
    expect(system.compute.get(next.id)).toMatchObject({ state: 'failed', timings: { queuedMs: 0 } })
  })

  it('a batch is not silent for as long as the machine sleeps, and is stopped when it is', async () => {
    system.executor.itemMs = 400_000
    const batch = await system.submit({ kind: 'batch', model: 'm@1', items: [x(1, 2), x(3, 4)] })
    await until(() => system.compute.get(batch.id).state === 'running')
    await harness.clock.advance(450_000)
    harness.clock.jump(3_600_000)
    await harness.clock.advance(400_000)
    await ended(batch)
    expect(system.compute.get(batch.id).state).toBe('succeeded')
    system.executor.itemMs = 800_000
    const silent = await system.submit({ kind: 'batch', model: 'm@1', items: [x(1, 2)] })
    await until(() => system.compute.get(silent.id).state === 'running')
    await harness.clock.advance(700_000)
    await ended(silent)
    expect(system.compute.get(silent.id)).toMatchObject({ error: { code: 'compute.timeout' } })
  })

  it('retries an ended job as a new one with the same inputs', async () => {
    system.executor.failures.push('crash')
    const job = await system.submit({ kind: 'infer', model: 'm@1', inputs: x(3, 4), labels: { a: 'b' } })
    await ended(job)
    const again = await system.compute.retry(id(job), job.principal as never)
    expect(again).toMatchObject({ labels: { a: 'b' } })
    expect(again.id).not.toBe(job.id)
    await ended(again)
    expect(await system.compute.result(id(again), 0)).toMatchObject({ outputs: x(3, 4) })
    expect(system.compute.get(job.id).state).toBe('failed')
  })

  it('refuses to retry with fewer inputs than there were', async () => {
    const items = Array.from({ length: 3 }, (_, i) => x(i, i))
    const job = await system.submit({ kind: 'batch', model: 'm@1', items })
    await ended(job)
    const { artifacts } = system.storage
    for (const name of artifacts.list(id(job)).filter((name) => name.startsWith('inputs-')))
      artifacts.remove(id(job), name)
    await expect(system.compute.retry(id(job), job.principal as never)).rejects.toMatchObject({
      code: 'storage.corrupt',
    })
  })

  it('waits for a result by event, not longer than asked', async () => {
    const job = await system.submit({ kind: 'synthetic', durationMs: 100 })
    const early = system.compute.result(id(job), 50)
    early.catch(() => undefined)
    const late = system.compute.result(id(job), 5000)
    await harness.clock.advance(50)
    await expect(early).rejects.toMatchObject({ code: 'compute.not_finished' })
    await harness.clock.advance(100)
    expect(await late).toMatchObject({ job: job.id, timings: { computeMs: 100 } })
    const abort = new AbortController()
    const other = await system.submit({ kind: 'synthetic', durationMs: 100 })
    const aborted = system.compute.result(id(other), 5000, abort.signal)
    abort.abort(new Error('gone'))
    await expect(aborted).rejects.toThrow('gone')
  })
})

it('more than its principal may ever hold is refused at once, not kept waiting', async () => {
  system.core.setQuota({ principal: ALICE, limit: { cpuCores: 1 } })
  const load = (cpuCores: number) => system.submit({ kind: 'synthetic', durationMs: 1, need: { cpuCores } })
  await expect(load(2)).rejects.toMatchObject({
    code: 'core.quota_exceeded',
    details: { exceeded: { cpuCores: 1 } },
  })
  await expect(load(1)).resolves.toMatchObject({ error: null })
})

describe('deadlines and dependencies', () => {
  it('a deadline ends a job that waits, is held, or runs', async () => {
    const deadline = new Date(harness.clock.now() + 1000).toISOString()
    const running = await system.submit({
      kind: 'synthetic',
      durationMs: 5000,
      need: { cpuCores: 2 },
      deadline,
    })
    const waiting = await system.submit({ kind: 'synthetic', durationMs: 1, need: { cpuCores: 2 }, deadline })
    const held = await system.submit({ kind: 'synthetic', durationMs: 1, hold: true, deadline })
    await harness.clock.advance(1000)
    for (const job of [running, waiting, held]) {
      await ended(job)
      expect(system.compute.get(job.id)).toMatchObject({
        state: 'failed',
        error: { code: 'compute.deadline_missed' },
      })
    }
    expect(system.core.listLeases()).toEqual([])
  })

  it('a deadline that could not be written, for the disk was full, is kept when there is room', async () => {
    const deadline = new Date(harness.clock.now() + 1000).toISOString()
    await system.submit({ kind: 'synthetic', durationMs: 60_000, need: { cpuCores: 2 } })
    const waiting = await system.submit({ kind: 'synthetic', durationMs: 1, need: { cpuCores: 2 }, deadline })
    harness.disk.isFull = true
    await harness.clock.advance(1500)
    expect(system.compute.get(waiting.id).state).toBe('queued')
    harness.disk.isFull = false
    await harness.clock.advance(1500)
    await ended(waiting)
    expect(system.compute.get(waiting.id).error?.code).toBe('compute.deadline_missed')
  })

  it('what waits for a job that could not be cancelled, for the disk was full, goes on waiting for it', async () => {
    const load = { kind: 'synthetic' as const, durationMs: 1 }
    const first = await system.submit({ ...load, hold: true })
    const after = await system.submit({ ...load, dependsOn: [first.id], runWhen: 'ended' })
    harness.disk.isFull = true
    await expect(system.compute.cancel(id(first))).rejects.toMatchObject({ code: 'storage.disk_full' })
    harness.disk.isFull = false
    await harness.clock.advance(5000)
    expect(system.compute.get(first.id).state).toBe('held')
    expect(system.compute.get(after.id)).toMatchObject({ state: 'queued', attempt: 0, queuedSince: null })
    await system.compute.resume(id(first))
    await until(async () => {
      await harness.clock.advance(250)
      return system.compute.get(after.id).state === 'succeeded'
    })
  })

  it('a deadline that passes while an attempt fails leaves no other to begin', async () => {
    const deadline = new Date(harness.clock.now() + 1000).toISOString()
    const { run } = system.executor
    system.executor.run = async (...args) => {
      await run(...args).catch(() => undefined)
      // The deadline has rung by now, and was too late to stop it.
      throw new AppError('compute.worker_crashed', 'It crashed.')
    }
    const job = await system.submit({ kind: 'synthetic', durationMs: 5000, deadline, maxAttempts: 3 })
    await harness.clock.advance(2000)
    await ended(job)
    expect(system.compute.get(job.id)).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code: 'compute.deadline_missed' },
    })
  })

  it('the live view has all that runs first, and of each owner its own', async () => {
    const running = await system.submit({ kind: 'synthetic', durationMs: 60_000, need: { cpuCores: 2 } })
    const bob = 'p-bob' as PrincipalId
    const waiting = await system.submit({ kind: 'synthetic', durationMs: 1, hold: true })
    const bobs = await system.submit({ kind: 'synthetic', durationMs: 1, hold: true }, bob)
    await system.compute.setPriority(id(waiting), 60)
    await system.compute.setPriority(id(bobs), 60)
    await system.compute.setPriority(id(running), 60)
    const ids = (owner: PrincipalId | null) => system.compute.recent(owner).map(({ id }) => id)
    expect(ids(null)).toEqual([running.id, waiting.id, bobs.id])
    expect(ids(bob)).toEqual([bobs.id])
  })

  it('a job waits for all it depends on', async () => {
    const a = await system.submit({ kind: 'synthetic', durationMs: 100 })
    const b = await system.submit({ kind: 'synthetic', durationMs: 200 })
    const c = await system.submit({ kind: 'synthetic', durationMs: 1, dependsOn: [a.id, b.id] })
    expect(system.compute.get(c.id).waitReason).toBe(`Waits for ${a.id} and ${b.id}`)
    await harness.clock.advance(100)
    await until(() => system.compute.get(c.id).waitReason === `Waits for ${b.id}`)
    await harness.clock.advance(200)
    await ended(c)
    expect(system.compute.get(c.id).state).toBe('succeeded')
  })

  it('a failure travels down the dependencies, however long the chain', async () => {
    let last = await system.submit({ kind: 'synthetic', durationMs: 10, fail: 'error' })
    for (let i = 0; i < 5; i++)
      last = await system.submit({ kind: 'synthetic', durationMs: 1, dependsOn: [last.id], hold: i === 3 })
    await harness.clock.advance(10)
    await ended(last)
    expect(system.compute.get(last.id)).toMatchObject({
      state: 'failed',
      error: { code: 'compute.dependency_failed' },
    })
    expect(system.compute.list({ limit: 10, state: 'failed' }).items).toHaveLength(6)
  })
})

describe('many that wait for one', () => {
  for (const fail of [undefined, 'error'] as const) {
    it(`are told of its ${fail ? 'failure' : 'success'} in several turns, and all of them end`, async () => {
      const first = await system.submit({ kind: 'synthetic', durationMs: 100, fail, maxAttempts: 1 })
      const others = await Promise.all(
        Array.from({ length: 450 }, () =>
          system.submit({ kind: 'synthetic', durationMs: 0, dependsOn: [first.id] }),
        ),
      )
      const waiting = () =>
        others.filter(({ id }) => system.compute.get(id).waitReason === `Waits for ${first.id}`).length
      const seen = new Set([waiting()])
      const off = system.compute.onDidChangeJobs(() => void seen.add(waiting()))
      await harness.clock.advance(100)
      for (const other of others) await ended(other)
      off()
      const states = new Set(others.map(({ id }) => system.compute.get(id).state))
      expect([...states]).toEqual([fail ? 'failed' : 'succeeded'])
      const steps = [...seen].sort((a, b) => b - a)
      expect(steps.length).toBeGreaterThan(2)
      expect(steps[0]).toBe(450)
    }, 60_000)
  }
})

describe('memory of engines', () => {
  it('the engine idle longest goes when another needs its memory', async () => {
    await system.die()
    await harness.remove()
    await setUp({ memoryBytes: 2_500_000 })
    system.executor.memoryBytes = 1_000_000
    for (const model of ['m@1', 'n@1', 'm@2']) {
      const job = await system.submit({ kind: 'infer', model, inputs: x(1, 2) })
      await ended(job)
      await harness.clock.advance(1)
    }
    expect(system.compute.engines().map((engine) => `${engine.model}@${engine.version}`)).toEqual([
      'n@1',
      'm@2',
    ])
    expect(system.core.listLeases().map(({ purpose, holder }) => [purpose, holder])).toEqual([
      ['engine n@1', 'system'],
      ['engine m@2', 'system'],
    ])
  })

  it.each([0, 60_000])('idle ones make room for what a program asks for, waiting %d ms', async (waitMs) => {
    await system.die()
    await harness.remove()
    await setUp({ memoryBytes: 3_500_000 })
    system.executor.memoryBytes = 1_000_000
    harness.warm.add('m@1')
    for (const model of ['m@1', 'n@1', 'm@2']) {
      await ended(await system.submit({ kind: 'infer', model, inputs: x(1, 2) }))
      await harness.clock.advance(1)
    }
    const ask = (memoryBytes: number) =>
      system.core.request(
        { memoryBytes },
        { holder: ALICE, purpose: 'app', priority: 50, ttlMs: null, waitMs },
      )
    // Not for what would not fit then either.
    const other = system.core.allocate(
      { memoryBytes: 400_000 },
      { holder: ALICE, purpose: 'other', priority: 50, ttlMs: null },
    )
    const vain = ask(3_200_000)
    vain.catch(() => undefined)
    await settle()
    expect(system.compute.engines()).toHaveLength(3)
    if (waitMs > 0) await harness.clock.advance(waitMs)
    await expect(vain).rejects.toMatchObject({ code: 'core.unavailable' })
    system.core.release(other.id as never)

    const first = ask(2_000_000)
    // Who does not wait is refused, and finds the room when asking again.
    if (waitMs === 0) await expect(first).rejects.toMatchObject({ code: 'core.unavailable' })
    await until(() => system.compute.engines().length === 1)
    await (waitMs === 0 ? ask(2_000_000) : first)
    expect(system.compute.engines()).toMatchObject([{ model: 'm', version: 1 }])
  })

  describe('that once took more than the machine can promise', () => {
    const submit = (more: object = {}) =>
      system.submit({
        kind: 'infer',
        model: 'm@1',
        inputs: x(1, 2),
        need: { memoryBytes: 1_000_000 },
        ...more,
      })
    const engineLeases = () =>
      system.core.listLeases().flatMap(({ job, need }) => (job === null ? [need.memoryBytes] : []))

    beforeEach(async () => {
      await system.die()
      await harness.remove()
      await setUp({ memoryBytes: 10_000_000 })
      Object.assign(system.executor, { memoryBytes: 4_000_000, leastMemoryBytes: 4_000_000 })
    })

    it('is loaded again beside programs outside, for jobs that wait and for new ones', async () => {
      const waits = await submit({ hold: true })
      system.executor.memoryBytes = 12_000_000
      await ended(await submit())
      await system.compute.unload(system.compute.engines()[0]?.id ?? '')
      await system.compute.resume(id(waits))
      await ended(waits)
      expect(engineLeases()).toEqual([9_000_000])
      await system.compute.unload(system.compute.engines()[0]?.id ?? '')
      const used = { device: 'cpu0', load: 0, memoryUsedBytes: 2_000_000, memoryTotalBytes: 10_000_000 }
      harness.host.reading = { readings: [used], childrenMemoryBytes: 0 }
      await harness.clock.advance(1_000)
      await ended(await submit())
      expect(engineLeases()).toEqual([7_000_000])
    })

    it('is refused, and what waits for it ends, where not even what its runtime thinks fits', async () => {
      const capacity = { cpuCores: 1, memoryBytes: 20_000_000 }
      const board = { kind: 'cpu' as const, name: 'board', vendor: '', capacity, properties: {} }
      const { id: device } = system.core.declareDevice(board, ALICE)
      Object.assign(system.executor, { memoryBytes: 9_500_000, leastMemoryBytes: 9_500_000 })
      const waits = await submit({ hold: true })
      system.core.removeDevice(device)
      await until(() => system.compute.get(waits.id).state === 'failed')
      expect(system.compute.get(waits.id).error).toMatchObject({ code: 'core.impossible' })
      await expect(submit()).rejects.toMatchObject({ code: 'core.impossible' })
    })
  })

  describe('for programs that wait in line', () => {
    const requests = (memoryBytes: number, more: object = {}) => ({
      need: { memoryBytes, ...more },
      options: { holder: ALICE, purpose: 'app', priority: 50, ttlMs: null, waitMs: 60_000 },
    })
    const ask = ({ need, options }: ReturnType<typeof requests>) => {
      const asked = system.core.request(need, options)
      asked.catch(() => undefined)
      return asked
    }

    /** Three idle engines of 1 MB and 0.5 MB beside them; who holds the GPU. */
    async function idleEngines() {
      await system.die()
      await harness.remove()
      await setUp({ memoryBytes: 3_500_000, gpus: 1 })
      system.executor.memoryBytes = 1_000_000
      for (const model of ['m@1', 'n@1', 'm@2'])
        await ended(await system.submit({ kind: 'infer', model, inputs: x(1, 2) }))
      system.core.allocate({ gpu: 1 }, requests(0).options)
    }

    it.each([
      ['the GPU', 0, requests(1_000_000, { gpu: 1 })],
      ['more than engines can give', 100_000, requests(3_450_000)],
    ])('they make room for one behind another that waits for %s', async (_, heldBytes, before) => {
      await idleEngines()
      if (heldBytes > 0) system.core.allocate({ memoryBytes: heldBytes }, before.options)
      void ask(before)
      await settle()
      expect(system.compute.engines()).toHaveLength(3)
      const lease = await ask(requests(1_200_000))
      expect(lease.need).toEqual({ memoryBytes: 1_200_000 })
      expect(system.compute.engines()).toHaveLength(2)
    })

    it('each makes room for one of them', async () => {
      await idleEngines()
      system.executor.unloadMs = 20
      const unload = vi.spyOn(system.executor, 'unload')
      const both = [1_200_000, 1_200_000].map((bytes) => ask(requests(bytes)))
      await settle()
      expect(unload).toHaveBeenCalledTimes(2)
      await harness.clock.advance(20)
      await Promise.all(both)
      expect(system.compute.engines()).toHaveLength(1)
    })

    it('none goes for room that is kept for one before', async () => {
      await idleEngines()
      void ask(requests(3_000_000, { gpu: 1 }))
      await harness.clock.advance(6_000)
      void ask(requests(1_000_000))
      await harness.clock.advance(2_000)
      expect(system.compute.engines()).toHaveLength(3)
      // It lies beside that room.
      await ask(requests(500_000))
      expect(system.compute.engines()).toHaveLength(3)
    })
  })

  it('an engine on a leased GPU is bound to it, serves no other job, and is gone before the lease ends', async () => {
    await system.die()
    await harness.remove()
    await setUp({ gpus: 2 })
    system.executor.memoryBytes = 1_000_000
    await ended(await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1, 2) }))
    const onCpu = system.compute.engines()[0]?.id
    const leased: string[][] = []
    const off = system.executor.onDidChangeEngines(({ removed }) => {
      if (removed.length > 0)
        leased.push(system.core.listLeases().flatMap((lease) => Object.keys(lease.need)))
    })
    Object.assign(system.executor, { itemMs: 50, unloadMs: 20 })
    const jobs = await Promise.all(
      [1, 2].map((n) => system.submit({ kind: 'infer', model: 'm@1', inputs: x(n, n), need: { gpu: 1 } })),
    )
    await until(() => system.compute.engines().some(({ device }) => device !== null))
    const bound = system.compute.engines().filter(({ device }) => device !== null)
    for (const { device, id } of bound) {
      expect(id).not.toBe(onCpu)
      const places = jobs.map(({ id: job }) => system.compute.get(job).placement ?? [])
      expect(places.flat().map((part) => part.device)).toContain(device)
    }
    for (const job of jobs) {
      await harness.clock.advance(50)
      await harness.clock.advance(20)
      await ended(job)
    }
    off()
    expect(leased.length).toBeGreaterThan(0)
    for (const resources of leased) expect(resources).toContain('gpu')
    expect(system.compute.engines()).toMatchObject([{ id: onCpu, device: null }])
    expect(system.core.listLeases()).toMatchObject([
      { purpose: 'engine m@1', need: { memoryBytes: 1_000_000 } },
    ])
  })

  it('is kept for as long as its policy keeps it warm', async () => {
    harness.warm.add('m@1')
    await ended(await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1, 2) }))
    await ended(await system.submit({ kind: 'infer', model: 'n@1', inputs: x(1, 2) }))
    expect(system.compute.engines()).toHaveLength(2)
    await harness.clock.advance(61_000)
    await until(() => system.compute.engines().length === 1)
    await harness.clock.advance(600_000)
    expect(system.compute.engines()).toMatchObject([{ model: 'm', version: 1 }])
    harness.warm.delete('m@1')
    await harness.clock.advance(61_000)
    await until(() => system.compute.engines().length === 0)
  })

  it('an idle engine is unloaded after a while, or by hand', async () => {
    const job = await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1, 2) })
    await ended(job)
    await harness.clock.advance(60_000)
    await until(() => system.compute.engines().length === 0)
    await ended(await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1, 2) }))
    await system.compute.unload(system.compute.engines()[0]!.id)
    expect(system.compute.engines()).toEqual([])
    await expect(system.compute.unload('engine-9')).rejects.toMatchObject({ code: 'compute.not_found' })
  })

  it('the lease of an engine that is gone ends as soon as the disk takes it, however often it has refused', async () => {
    system.executor.memoryBytes = 1e6
    await ended(await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1, 2) }))
    const { database } = system
    const tell = (text: string) => database.run({ compile: () => sql.raw(text).compile(database.builder()) })
    tell(`create trigger refuse before update on core_leases begin select raise(abort, 'no'); end`)
    await harness.clock.advance(70_000)
    expect(system.compute.engines()).toEqual([])
    expect(system.core.listLeases()).toHaveLength(1)
    tell('drop trigger refuse')
    await harness.clock.advance(2_000)
    expect(system.core.listLeases()).toEqual([])
    expect(system.core.freeDevices()[0]).toMatchObject({ free: { memoryBytes: 16e9 } })
  })
})

describe('stop and start', () => {
  it('a batch stops at once and goes on where it was', async () => {
    system.executor.itemMs = 100
    const items = Array.from({ length: 20 }, (_, i) => x(i, i))
    const job = await system.submit({ kind: 'batch', model: 'm@1', items, batchSize: 2 })
    await harness.clock.advance(1000)
    await system.compute.stop(10_000)
    const before = system.compute.get(job.id)
    expect(before).toMatchObject({ state: 'queued', attempt: 1 })
    const done = system.executor.computed.length
    await system.die()
    system = await harness.open()
    system.executor.itemMs = 100
    await harness.clock.advance(3000)
    await ended(job)
    expect(system.executor.computed).toEqual(Array.from({ length: 20 - done }, (_, i) => String(done + i)))
    expect((await system.compute.result(id(job), 0)).items?.map(({ outputs }) => outputs)).toEqual(items)
    await expect(system.compute.stop(0)).resolves.toBeUndefined()
    await expect(system.submit({ kind: 'synthetic', durationMs: 1 })).rejects.toMatchObject({
      code: 'system.stopping',
    })
  })

  it('what runs too long is put back and does not count as a failure', async () => {
    system.executor.itemMs = 60_000
    const job = await system.submit({ kind: 'infer', model: 'm@1', inputs: x(1, 2) })
    await until(() => system.compute.get(job.id).state === 'running')
    const stopped = system.compute.stop(1000)
    await harness.clock.advance(1000)
    await stopped
    expect(system.compute.get(job.id)).toMatchObject({ state: 'queued', attempt: 1 })
    expect(system.core.listLeases()).toEqual([])
  })

  it('a job that runs whenever the program dies is taken for the cause at the third time', async () => {
    const job = await system.submit({ kind: 'synthetic', durationMs: 60_000 })
    for (let i = 0; i < 3; i++) {
      await until(() => system.compute.get(job.id).state === 'running')
      await system.die()
      system = await harness.open()
    }
    expect(system.compute.get(job.id)).toMatchObject({
      state: 'failed',
      error: { code: 'compute.interrupted' },
    })
  })
})
