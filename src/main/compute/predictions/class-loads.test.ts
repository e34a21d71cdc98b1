import { describe, expect, it } from 'vitest'
import type { JobDefinition } from '../jobs/job-row'
import { createRandom } from '../schedule/static/random'
import { ClassLoads } from './class-loads'

const HOUR_MS = 3_600_000
const SERVICE_MS = 100
/** In service times. An hour has some 29,000 arrivals: the load is within 1 %, and `load / (1 - load)`, at 0.8, within 5 %. */
const TOLERANCE = 0.4

interface Stream {
  model: string
  /** Arrival rate times service time. */
  load: number
  /** Draws a time of that mean. */
  times(meanMs: number): number
}

function classLoads(shareOfOne: number, streams: readonly Stream[]) {
  const loads = new ClassLoads(() => shareOfOne, 64)
  for (const { model, load, times } of streams) {
    const definition = { kind: 'infer', model, modelVersion: 1 } as JobDefinition
    for (let at = times(SERVICE_MS / load); at < HOUR_MS; at += times(SERVICE_MS / load)) {
      loads.arrived(definition, at)
      loads.ended(definition, 0, times(SERVICE_MS), at)
    }
  }
  return new Map(loads.view(HOUR_MS - 1).map((seen) => [seen.model, seen]))
}

function exponential(seed: number): Stream['times'] {
  const random = createRandom(seed)
  return (meanMs) => -meanMs * Math.log(1 - random())
}

describe('the wait that theory expects of a class', () => {
  it('is four service times at a utilisation of 0.8 where times are exponential', () => {
    const seen = classLoads(1, [{ model: 'm', load: 0.8, times: exponential(1) }]).get('m')
    expect(seen).toMatchObject({ servers: 1 })
    expect(seen?.utilization).toBeCloseTo(0.8, 1)
    expect(Math.abs((seen?.predictedWaitMs ?? 0) / SERVICE_MS - 4)).toBeLessThan(TOLERANCE)
  })

  it('counts only the part of the machine that other classes leave', () => {
    const m = { model: 'm', load: 0.8, times: exponential(2) }
    const alone = classLoads(1 / 2, [m]).get('m')
    expect(alone).toMatchObject({ servers: 2 })
    // M/M/2: C(2, 0.8) / (2 - 0.8) = 0.19 service times.
    expect(Math.abs((alone?.predictedWaitMs ?? 0) / SERVICE_MS - 0.19)).toBeLessThan(0.02)

    const other = { model: 'other', load: 0.9, times: (meanMs: number) => meanMs }
    const beside = classLoads(1 / 2, [{ ...m, times: exponential(3) }, other]).get('m')
    expect(beside).toMatchObject({ servers: 1 })
    expect(Math.abs((beside?.predictedWaitMs ?? 0) / SERVICE_MS - 4)).toBeLessThan(TOLERANCE)
  })
})
