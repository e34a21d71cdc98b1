import { describe, expect, it } from 'vitest'
import { MemoryWatch } from './memory-watch'

const MB = 1e6
const SLACK = 256 * 2 ** 20
const allotment = { cpuCores: 1, memoryBytes: 100 * MB, engineMemoryBytes: 300 * MB, priority: 50 }

describe('the watch over memory', () => {
  it('lets a worker take a quarter and 256 MiB more than job and engine have leased', () => {
    expect(new MemoryWatch(allotment, 0).limitBytes).toBe(500 * MB + SLACK)
  })

  it('does not blame a job for an engine that was estimated too small', () => {
    expect(new MemoryWatch(allotment, 900 * MB).limitBytes).toBe(1250 * MB + SLACK)
  })

  it('ends an attempt at the third sample in a row that is too much', () => {
    const watch = new MemoryWatch(allotment, 0)
    const over = watch.limitBytes + 1
    expect([over, over, watch.limitBytes, over, over].map((bytes) => watch.sample(bytes))).toEqual(
      new Array(5).fill(null),
    )
    expect(watch.sample(over)).toMatchObject({
      code: 'compute.exceeded_lease',
      message:
        'The worker used 768 MB of memory, and 400 MB were leased for the job and its model. Submit it again with a higher need.memoryBytes.',
      details: { leasedBytes: 400 * MB, usedBytes: over, limitBytes: watch.limitBytes },
    })
  })
})
