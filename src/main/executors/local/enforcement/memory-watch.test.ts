import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { parseNvidiaProcesses } from '../../../core/detect/nvidia'
import { MemoryEstimates } from '../memory'
import { gpuBound, gpuMemoryOf, hostBound, loadBound, MemoryWatch } from './memory-watch'

const MB = 1e6
const SLACK = 256 * 2 ** 20
const allotment = {
  cpuCores: 1,
  numaNode: null,
  memoryBytes: 100 * MB,
  engineMemoryBytes: 300 * MB,
  gpuMemory: [],
  priority: 50,
}

describe('the watch over memory', () => {
  it('lets a worker take a quarter and 256 MiB more than job and engine have leased', () => {
    expect(new MemoryWatch(hostBound(allotment, 0)).limitBytes).toBe(500 * MB + SLACK)
  })

  it('does not blame a job for an engine that was estimated too small', () => {
    expect(new MemoryWatch(hostBound(allotment, 900 * MB)).limitBytes).toBe(1250 * MB + SLACK)
  })

  it('ends an attempt at the third sample in a row that is too much', () => {
    const watch = new MemoryWatch(hostBound(allotment, 0))
    const over = watch.limitBytes + 1
    expect([over, over, watch.limitBytes, over, over].map((bytes) => watch.sample(bytes))).toEqual(
      new Array(5).fill(null),
    )
    expect(watch.sample(over)).toMatchObject({
      code: 'compute.exceeded_lease',
      message:
        'The worker used 768 MB of memory, and 400 MB were leased for the job and its model. Submit it again with a higher need.memoryBytes.',
      details: {
        leasedBytes: 400 * MB,
        usedBytes: over,
        limitBytes: watch.limitBytes,
        need: 'need.memoryBytes',
      },
    })
  })
})

describe('the watch over a load', () => {
  const GIB = 2 ** 30
  const fileBytes = 20 * GIB
  const version = { digest: 'd', format: 'gguf' as const, sizeBytes: fileBytes }
  const runtime = {
    ...{ id: 'r', name: 'R', formats: [], entry: 'r.cjs' },
    probe: () => Promise.reject(new Error('It is not asked.')),
    estimateMemory: () => fileBytes,
  }

  it('lets a model be read whole again, though at rest it was seen to take little', () => {
    const estimates = new MemoryEstimates()
    estimates.loaded(version.digest, GIB)
    const engineMemoryBytes = estimates.estimate(runtime, version)
    expect(engineMemoryBytes).toBeLessThan(2 * GIB)
    const bound = loadBound({ ...allotment, engineMemoryBytes }, runtime.estimateMemory(), false)
    const watch = new MemoryWatch(bound)
    expect([1, 2, 3].map(() => watch.sample(fileBytes))).toEqual([null, null, null])
  })

  it('leaves room for the libraries of a GPU, where one is used', () => {
    const limits = [false, true].map((usesDevice) => loadBound(allotment, 0, usesDevice).limitBytes)
    expect(limits).toEqual([1600 * MB + GIB, 1600 * MB + 4 * GIB])
  })
})

describe('the watch over the memory of a GPU', () => {
  /** Two GPUs, and on each the program 4242 with 22428 MiB. */
  async function recorded() {
    const url = new URL('../../../core/detect/recorded/nvidia-smi-v13-two-a5000.xml', import.meta.url)
    const processes = parseNvidiaProcesses(await readFile(url, 'utf8'))
    return processes.map(({ address, pid, memoryBytes }) => ({ device: address, pid, memoryBytes }))
  }
  const USED = 22428 * 2 ** 20

  it('counts what the processes of a worker take of each GPU, and nobody else', async () => {
    const programs = await recorded()
    const child = { device: '0000:c1:00.0', pid: 4243, memoryBytes: 7 }
    const other = { device: '0000:c1:00.0', pid: 1, memoryBytes: 1e9 }
    expect(gpuMemoryOf([4242, 4243], [...programs, child, other])).toEqual(
      new Map([
        ['0000:81:00.0', USED],
        ['0000:c1:00.0', USED + 7],
      ]),
    )
    expect(gpuMemoryOf([42], programs)).toEqual(new Map())
  })

  it('ends an attempt that takes more than is leased of its own GPU, by the tolerance of the host', async () => {
    const used = gpuMemoryOf([4242], await recorded()).get('0000:81:00.0') ?? 0
    const within = new MemoryWatch(gpuBound({ device: 'gpu-0', memoryBytes: (USED - SLACK) / 1.25 }))
    const over = new MemoryWatch(gpuBound({ device: 'gpu-0', memoryBytes: (USED - SLACK) / 1.25 - 8 }))
    expect([1, 2, 3, 4].map(() => within.sample(used))).toEqual(new Array(4).fill(null))
    expect([1, 2].map(() => over.sample(used))).toEqual([null, null])
    expect(over.sample(used)).toMatchObject({
      code: 'compute.exceeded_lease',
      message:
        'The worker used 23.5 GB of the memory of gpu-0, and 18.6 GB were leased for the job. Submit it again with a higher need.gpuMemoryBytes.',
      details: { usedBytes: USED, need: 'need.gpuMemoryBytes' },
    })
  })
})
