import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Device, type Job, JobSpec, type JobSpecInput } from '../../shared/contract'
import type { JobId, LeaseId, PrincipalId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { buildWorkers } from '../runtimes/testing/build-workers'
import { processGone } from '../runtimes/testing/fixtures'
import { importAndSettle } from '../storage/testing/harness'
import { openRealSystem, REAL_WORKERS } from './testing/real-system'

const FIXTURES = resolve(import.meta.dirname, '../../../fixtures')
const BY = 'p-test' as PrincipalId
const GB = 1e9
const PATIENCE = { timeout: 120_000, interval: 50 }

const hasGpu = spawnSync('nvidia-smi', ['-L']).status === 0
const hasTorch =
  hasGpu && spawnSync('python3', ['-c', 'import torch; assert torch.cuda.is_available()']).status === 0
if (!hasTorch)
  console.warn(
    `Work on a real GPU is not tested: ${hasGpu ? 'there is no PyTorch that computes on it' : 'there is no NVIDIA GPU'}.`,
  )

/** Made here, so that nothing has to be carried: it takes as many bytes of the memory as it is told, and multiplies. */
const HOG = `
import sys, torch
class Hog(torch.nn.Module):
    def forward(self, size, rounds):
        held = torch.ones([int(size.item())], dtype=torch.uint8, device=size.device)
        a = torch.ones([4096, 4096], device=size.device)
        for _ in range(int(rounds.item())):
            a = torch.mm(a, a).clamp(-1.0, 1.0)
        return a[0, 0] + held[0]
torch.jit.script(Hog()).save(sys.argv[1])
`
/** A program of somebody else: it keeps the GPU busy, and holds 3 GB of its memory. */
const OTHER = `
import torch
held = torch.ones(3 * 10**9, dtype=torch.uint8, device="cuda")
a = torch.ones(4096, 4096, device="cuda")
while True:
    for _ in range(100): a = (a @ a).clamp(-1, 1)
    torch.cuda.synchronize()
`

describe.skipIf(!hasTorch)('on a real GPU', () => {
  let workers: Awaited<ReturnType<typeof buildWorkers>>
  let system: Awaited<ReturnType<typeof openRealSystem>>
  let folder: string
  let gpu: Device
  let others: number[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gpu-'))
    workers = await buildWorkers(REAL_WORKERS)
    system = await openRealSystem(join(folder, 'data'), workers.dir, null)
    await system.executor.refreshRuntimes()
    await writeFile(join(folder, 'hog.py'), HOG)
    execFileSync('python3', [join(folder, 'hog.py'), join(folder, 'hog.pt')])
    for (const [path, name] of [
      [join(folder, 'hog.pt'), 'hog'],
      [join(FIXTURES, 'mnist_cnn.pt'), 'digits'],
    ] as const) {
      const { error } = await importAndSettle(system.storage, path, name)
      expect(error).toBeNull()
    }
    gpu = system.core.listDevices().find(({ kind }) => kind === 'gpu') as Device
  }, 240_000)
  afterEach(() => {
    for (const pid of others) process.kill(pid, 'SIGKILL')
    others = []
    expect(system.core.listLeases().filter(({ job }) => job !== null)).toEqual([])
  })
  afterAll(async () => {
    await system?.close()
    await workers?.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  const submit = (spec: JobSpecInput) => system.compute.submit(JobSpec.parse(spec), BY)
  const options = { holder: BY, purpose: 'a program', priority: 50, ttlMs: 60_000 }
  const holderOf = (pid: number) =>
    system.core.resources().foreignHolders.find((one) => one.pid === pid && one.device === gpu.id)
  const release = ({ id }: { id: string }) => system.core.release(id as LeaseId)
  const get = ({ id }: { id: string }) => system.compute.get(id as JobId)
  async function ended(job: { id: string }): Promise<Job> {
    await vi.waitUntil(() => isTerminal(get(job).state), PATIENCE)
    return get(job)
  }
  /** Bytes to hold, and rounds of multiplying: an H200 does some 400 a second. */
  const hog = (bytes: number, rounds: number, need: JobSpecInput['need'], name = 'hog'): JobSpecInput => {
    const number = (value: number) => ({ dtype: 'int64' as const, shape: [], data: [value] })
    return {
      ...{ kind: 'infer', model: 'hog@1', name, need, maxAttempts: 1, timeoutMs: 100_000 },
      inputs: { size: number(bytes), rounds: number(rounds) },
    }
  }
  const busyEngine = () =>
    system.compute.engines().find(({ runtime, state }) => runtime === 'pytorch' && state === 'busy')
  /** What the tool says of the programs on the GPU, as soon as it names one that fulfils it. */
  const seen = (fulfils: (pid: number) => boolean) =>
    new Promise<{ pid: number; memoryBytes: number }>((done) => {
      const off = system.core.onDidSeeGpuPrograms((programs) => {
        const found = programs.find(({ pid }) => fulfils(pid))
        if (!found) return
        off()
        done(found)
      })
    })
  /** Not ours: who started it has ended. */
  async function startOther(): Promise<number> {
    await writeFile(join(folder, 'other.py'), OTHER)
    const command = `python3 ${join(folder, 'other.py')} > /dev/null 2>&1 & echo $!`
    const pid = Number(execFileSync('sh', ['-c', command], { encoding: 'utf8' }))
    others.push(pid)
    return pid
  }

  it('knows what there is, what it does, and how PyTorch gets at it', async () => {
    expect(gpu).toMatchObject({ vendor: 'NVIDIA', health: 'ok', capacity: { gpu: 1 } })
    expect(gpu.properties['uuid']).toMatch(/^GPU-/)
    const sample = () => system.core.latestTelemetry().find(({ device }) => device === gpu.id)
    await vi.waitUntil(() => sample() !== undefined, PATIENCE)
    expect(sample()?.memoryTotalBytes).toBeGreaterThan(GB)
    const pytorch = system.executor.runtimes().find(({ id }) => id === 'pytorch')
    console.info(`${gpu.name}, PyTorch ${pytorch?.version}, ${pytorch?.isolation}: ${pytorch?.backend}`)
    expect(pytorch).toMatchObject({ available: true })
    expect(pytorch?.backends).toContainEqual({ name: 'cuda', available: true, reason: null })
  })

  it('a model computes where its job has leased the GPU, and on the CPU without a lease of it', async () => {
    const pixels = new Array(784).fill(0).map((_, i) => (i % 28) / 28)
    const image = { dtype: 'float32' as const, shape: [1, 1, 28, 28], data: pixels }
    const infer = async (need: JobSpecInput['need']) => {
      const job = await submit({ kind: 'infer', model: 'digits@1', need, inputs: { x: image } })
      await vi.waitUntil(() => busyEngine() !== undefined || isTerminal(get(job).state), PATIENCE)
      const { device = undefined, backend = undefined } = busyEngine() ?? {}
      const { state, timings, placement } = await ended(job)
      expect(state).toBe('succeeded')
      const { outputs } = await system.compute.result(job.id as JobId, 0)
      return { device, backend, timings, placement, outputs }
    }
    const onCpu = await infer({ cpuCores: 1 })
    const onGpu = await infer({ cpuCores: 1, gpu: 0.5, gpuMemoryBytes: 2 * GB })
    console.info('on the CPU', onCpu.timings, 'on the GPU', onGpu.timings)
    expect(onCpu).toMatchObject({ device: null, backend: 'cpu' })
    expect(onGpu).toMatchObject({ device: gpu.id, backend: 'cuda' })
    const scores = ({ outputs }: typeof onCpu) => {
      const [scores] = Object.values(outputs ?? {})
      return scores && 'data' in scores ? (scores.data as number[]) : []
    }
    expect(scores(onCpu)).toHaveLength(10)
    // The GPU multiplies with fewer digits by default.
    scores(onGpu).forEach((score, i) => {
      expect(score).toBeCloseTo(scores(onCpu)[i] ?? Number.NaN, 1)
    })
  }, 240_000)

  it('lets a worker that has leased none see no GPU', async () => {
    const job = await submit(hog(1e6, 5, { cpuCores: 2 }, 'blind'))
    await vi.waitUntil(() => busyEngine() !== undefined, PATIENCE)
    expect(busyEngine()).toMatchObject({ device: null, backend: 'cpu' })
    expect((await ended(job)).state).toBe('succeeded')
  }, 240_000)

  it('two jobs share it, each by half', async () => {
    const half = { cpuCores: 1, gpu: 0.5, gpuMemoryBytes: 3 * GB }
    const jobs = [await submit(hog(GB, 4_000, half)), await submit(hog(GB, 4_000, half, 'other hog'))]
    await vi.waitUntil(() => jobs.every((job) => get(job).state === 'running'), PATIENCE)
    expect(system.core.resources().allocated).toMatchObject({ gpu: 1, gpuMemoryBytes: 6 * GB })
    for (const job of jobs) expect(await ended(job)).toMatchObject({ state: 'succeeded' })
  }, 240_000)

  it('ends a job that takes more of its memory than it has leased, and its worker with it', async () => {
    const job = await submit(hog(12 * GB, 1_000_000, { cpuCores: 1, gpu: 1, gpuMemoryBytes: 4 * GB }))
    await vi.waitUntil(() => busyEngine()?.pid, PATIENCE)
    const pid = busyEngine()?.pid as number
    const failed = await ended(job)
    console.info(failed.error?.message)
    expect(failed.error).toMatchObject({
      code: 'compute.exceeded_lease',
      details: { leasedBytes: 4 * GB, need: 'need.gpuMemoryBytes' },
    })
    await processGone(pid)
  }, 240_000)

  it('says so where its memory is not enough', async () => {
    const { gpuMemoryBytes: all = 0 } = gpu.capacity
    const failed = await ended(await submit(hog(2 * all, 1, { cpuCores: 1, gpu: 1 })))
    console.info(failed.error?.message)
    expect(failed.error).toMatchObject({
      code: 'compute.runtime_failed',
      message: expect.stringContaining('out of memory'),
    })
  }, 240_000)

  it("takes what its own jobs keep busy for nobody else's", async () => {
    const own = await submit(hog(GB, 60_000, { cpuCores: 1, gpu: 0.2, gpuMemoryBytes: 4 * GB }))
    await vi.waitUntil(() => get(own).state === 'running', PATIENCE)
    const loadOf = () => system.core.latestTelemetry().find(({ device }) => device === gpu.id)?.load ?? 0
    await vi.waitUntil(() => loadOf() > 0.5, PATIENCE)
    await new Promise((done) => setTimeout(done, 10_000))
    expect(system.core.resources().foreign.gpu ?? 0).toBeLessThan(0.1)
    release(system.core.allocate({ gpu: 0.8 }, options))
    await system.compute.cancel(own.id as JobId)
    await ended(own)
  }, 240_000)

  it('grants none of the memory that another program holds, and names it', async () => {
    const { gpuMemoryBytes: all = 0 } = gpu.capacity
    const pid = await startOther()
    await seen((one) => one === pid)
    const held = () => holderOf(pid)
    await vi.waitUntil(() => (held()?.gpuMemoryBytes ?? 0) > 3 * GB, PATIENCE)
    const need = { gpuMemoryBytes: all - 2 * GB }
    await vi.waitUntil(() => (system.core.resources().foreign.gpuMemoryBytes ?? 0) > 3 * GB, PATIENCE)
    expect(() => system.core.allocate(need, options)).toThrow(/held by .*python.* \(outside LLMAgentOS\)/)
  }, 240_000)

  it('leaves to another program what it keeps busy', async () => {
    const pid = await startOther()
    const load = () => holderOf(pid)?.gpu ?? 0
    await vi.waitUntil(() => load() > 0.5, PATIENCE)
    // A mean over half a minute.
    await new Promise((done) => setTimeout(done, 30_000))
    const first = system.core.allocate({ gpu: 0.1 }, options)
    console.info('kept busy by the other', load(), 'left', system.core.resources().available.gpu)
    expect(() => system.core.allocate({ gpu: 0.5 }, options)).toThrow(/GPU held by .*python/)
    release(first)
    // Alone, one gets all of it.
    release(system.core.allocate({ gpu: 1 }, options))
  }, 240_000)
})
