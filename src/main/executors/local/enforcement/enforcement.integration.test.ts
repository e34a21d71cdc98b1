import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { engineId, hooks, pidOf, processGone } from '../../../runtimes/testing/fixtures'
import type { Allotment, LoadableVersion, LocalExecutor, RunRequest } from '..'
import { startExecutor } from '../testing/start-executor'
import { Enforcer } from '.'
import { ControlGroups } from './control-groups'
import { processesOf, residentBytes, threadsOf } from './processes'

const MIB = 2 ** 20
const { signal } = new AbortController()
let started: Awaited<ReturnType<typeof startExecutor>>
let executor: LocalExecutor

beforeAll(async () => {
  started = await startExecutor({ onnx: 'src/main/runtimes/testing/rogue-worker.ts' })
  executor = started.executor
}, 60_000)
afterAll(async () => {
  await started.end()
})

const allotment = (over: Partial<Allotment> = {}): Allotment => ({
  ...{ cpuCores: 1, numaNode: null, memoryBytes: 0, engineMemoryBytes: 0, gpuMemory: [], priority: 50 },
  ...over,
})
const busyFor = (durationMs: number): RunRequest => ({
  kind: 'synthetic',
  durationMs,
  busy: true,
  fail: null,
})
const status = (pid: number, thread: number) => readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')
const cpusOf = async (pid: number) => [
  ...new Set((await threadsOf(pid)).map((id) => /^Cpus_allowed_list:\s*(\S+)$/m.exec(status(pid, id))?.[1])),
]
/** The 19th field of `stat`, after the name in brackets. */
const niceOfThreads = async (pid: number) => [
  ...new Set(
    (await threadsOf(pid)).map((id) => {
      const stat = readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
    }),
  ),
]
const isInForce = (name: string) => executor.enforcement().find((means) => means.name === name)?.inForce

/** A version that the worker for tests does this with. */
const rogue = (trick: string): LoadableVersion => ({
  ...{ model: 'rogue', version: 1, digest: trick, format: 'onnx', sizeBytes: 1 },
  files: [{ path: trick, sizeBytes: 1, absolutePath: '/nowhere' }],
})

async function begin(over: Partial<Allotment>, stop: AbortController) {
  const view = await executor.load(null, { threads: 1, signal })
  const run = executor.run(engineId(view), busyFor(60_000), hooks(stop.signal), allotment(over))
  return { pid: pidOf(view), id: engineId(view), over: expect(run).rejects.toThrow('enough') }
}

describe('a worker under a lease', () => {
  it('is bound to as many cores as leased, to others than the next one, and free again afterwards', async ({
    skip,
  }) => {
    const own = (await cpusOf(process.pid))[0]
    skip(!isInForce('affinity') || availableParallelism() < 2, 'No cores can be bound here.')
    const stop = new AbortController()
    const [first, second] = await Promise.all([begin({}, stop), begin({ cpuCores: 0.5 }, stop)])
    const isBound = async ({ pid }: typeof first) => {
      const cpus = await cpusOf(pid)
      return cpus.length === 1 && cpus[0] !== own
    }
    // The threads are bound one after the other.
    await vi.waitUntil(async () => (await isBound(first)) && (await isBound(second)), {
      timeout: 40_000,
      interval: 50,
    })
    const [one, two] = await Promise.all([cpusOf(first.pid), cpusOf(second.pid)])
    expect(one).toEqual([expect.stringMatching(/^\d+$/)])
    expect(two).toEqual([expect.stringMatching(/^\d+$/)])
    expect(one).not.toEqual(two)
    stop.abort(new Error('enough'))
    await Promise.all([first.over, second.over])
    await vi.waitUntil(async () => (await cpusOf(first.pid)).join() === own, {
      timeout: 40_000,
      interval: 50,
    })
    await Promise.all([executor.unload(first.id), executor.unload(second.id)])
  })

  it('is free again when short jobs follow a long one without a gap', async ({ skip }) => {
    const enforcer = await Enforcer.open(pino({ level: 'silent' }))
    const own = (await cpusOf(process.pid))[0]
    const isBound = enforcer.means().some(({ name, inForce }) => name === 'affinity' && inForce)
    skip(!isBound || availableParallelism() < 2, 'No cores can be bound here.')
    const child = spawn('sleep', ['60'])
    const worker = { id: 'eng', pid: pidOf(child) }
    const begunBefore = (ms: number) => ({
      allotment: allotment(),
      sinceMs: performance.now() - ms,
      memoryLimitBytes: 2 ** 30,
    })
    try {
      await enforcer.hold({ ...worker, work: begunBefore(1000) })
      expect(await cpusOf(worker.pid)).toEqual([expect.stringMatching(/^\d+$/)])
      await enforcer.hold({ ...worker, work: begunBefore(0) })
      expect(await cpusOf(worker.pid)).toEqual([own])
    } finally {
      child.kill('SIGKILL')
      await enforcer.dispose()
    }
  })

  it('is not held to the limits of one job when the next one begins', async ({ skip }) => {
    skip(process.platform !== 'linux', 'Control groups are a part of Linux.')
    const root = await mkdtemp(join(tmpdir(), 'cgroup-'))
    await writeFile(join(root, 'cgroup.controllers'), 'cpu memory\n')
    await writeFile(join(root, 'self'), '0::/\n')
    const enforcer = await Enforcer.open(
      pino({ level: 'silent' }),
      ControlGroups.open(root, join(root, 'self')),
    )
    const worker = { id: 'eng', pid: process.pid }
    await enforcer.began({ ...worker, work: null })
    const work = { allotment: allotment(), sinceMs: performance.now() - 1000, memoryLimitBytes: 2 ** 30 }
    const limit = () => readFileSync(join(root, `llmagentos-${process.pid}/eng/memory.max`), 'utf8')
    const holding = enforcer.hold({ ...worker, work })
    expect(enforcer.isLimited({ ...worker, work })).toBe(true)
    await Promise.all([enforcer.lift({ ...worker, work }), holding])
    expect(limit()).toBe('max')
    await enforcer.hold({ ...worker, work: { ...work } })
    expect(limit()).toBe(String(2 ** 30))
    await enforcer.hold({ ...worker, work: null })
    await rm(root, { recursive: true })
  })

  it('lets others go first when its job is less urgent, with all of its threads', async ({ skip }) => {
    skip(!isInForce('nice') || process.platform !== 'linux', 'Nice cannot be taken back here.')
    const usual = (await niceOfThreads(process.pid))[0] ?? 0
    const stop = new AbortController()
    const patient = await begin({ priority: 0 }, stop)
    await vi.waitUntil(
      async () => (await niceOfThreads(patient.pid)).join() === String(Math.min(19, usual + 10)),
      {
        timeout: 40_000,
        interval: 50,
      },
    )
    stop.abort(new Error('enough'))
    await patient.over
    await vi.waitUntil(async () => (await niceOfThreads(patient.pid)).join() === String(usual), {
      timeout: 40_000,
      interval: 50,
    })
    await executor.unload(patient.id)
  })

  it('is told how many threads it may start, and sees no device', async ({ skip }) => {
    skip(process.platform !== 'linux', 'The environment of a process is read from /proc.')
    const view = await executor.load(null, { threads: 3, signal })
    const environment = readFileSync(`/proc/${view.pid}/environ`, 'utf8').split('\0')
    expect(environment).toEqual(
      expect.arrayContaining(['OMP_NUM_THREADS=3', 'CUDA_VISIBLE_DEVICES=', 'ROCR_VISIBLE_DEVICES=-1']),
    )
    await executor.unload(engineId(view))
  })

  it('is ended when it takes far more than was leased while it loads', async ({ skip }) => {
    skip(!isInForce('memoryWatchdog'), 'Memory is not watched here.')
    const leased = allotment({ memoryBytes: 16 * MIB, engineMemoryBytes: 16 * MIB })
    const estimated = executor.estimateMemory(rogue('takes-memory-loading'))
    const loading = { threads: 1, signal: AbortSignal.timeout(20_000), allotment: leased }
    await expect(executor.load(rogue('takes-memory-loading'), loading)).rejects.toMatchObject({
      code: 'compute.exceeded_lease',
      message: expect.stringMatching(/33.6 MB were leased.*need\.memoryBytes/),
      details: { leasedBytes: 32 * MIB, limitBytes: 1024 * MIB + 4 * (16 * MIB + estimated) },
    })
    expect(executor.engines()).toEqual([])
  })

  it('is ended when it takes more memory than was leased, with words that help', async ({ skip }) => {
    skip(!isInForce('memoryWatchdog'), 'Memory is not watched here.')
    const version = rogue('takes-memory')
    const view = await executor.load(version, { threads: 1, signal, allotment: allotment() })
    const estimated = executor.estimateMemory(version)
    const leased = allotment({ memoryBytes: 64 * MIB, engineMemoryBytes: 64 * MIB })
    const run = executor.run(engineId(view), { kind: 'infer', inputs: {} }, hooks(), leased)
    await expect(run).rejects.toMatchObject({
      code: 'compute.exceeded_lease',
      message: expect.stringMatching(/134 MB were leased.*need\.memoryBytes/),
      details: { leasedBytes: 128 * MIB },
    })
    await processGone(pidOf(view))
    expect(executor.engines()).toEqual([])
    // It is no reason to believe that its model needs as much.
    expect(executor.estimateMemory(version)).toBe(estimated)
  })
})

describe.runIf(process.platform !== 'win32')('the processes of a worker', () => {
  it('are those too that another thread than the main one has begun', async ({ skip }) => {
    skip(process.platform !== 'linux', 'Threads are told apart on Linux only.')
    const thread = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' }); setInterval(() => {}, 1000)`
    const script = `new (require('node:worker_threads').Worker)(${JSON.stringify(thread)}, { eval: true })`
    const pid = pidOf(spawn(process.execPath, ['-e', script]))
    let all = [pid]
    try {
      await vi.waitUntil(
        async () => {
          all = await processesOf(pid)
          return all.length === 2
        },
        { timeout: 40_000, interval: 50 },
      )
    } finally {
      for (const one of all.reverse()) process.kill(one, 'SIGKILL')
    }
  })

  it('are those below it too, and their memory is counted together', async () => {
    const child = `setInterval(() => {}, 1000); const kept = Buffer.alloc(${200 * MIB}, 1)`
    const script = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'ignore' }); setInterval(() => {}, 1000)`
    const pid = pidOf(spawn(process.execPath, ['-e', script]))
    try {
      await vi.waitUntil(async () => ((await residentBytes([pid])).get(pid) ?? 0) > 200 * MIB, {
        timeout: 40_000,
      })
      if (process.platform === 'linux') expect(await processesOf(pid)).toHaveLength(2)
    } finally {
      for (const one of (await processesOf(pid)).reverse()) process.kill(one, 'SIGKILL')
    }
    expect(await residentBytes([2 ** 30])).toEqual(new Map())
  })
})
