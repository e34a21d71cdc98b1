import { percentile, serve } from './support.mjs'

const ROUNDS = 5

/** What an urgent job waits behind a long one on one slot. */
export async function run() {
  const system = await serve()
  try {
    const { available } = await system.call('GET', '/resources')
    // So much memory that two do not fit: one slot, on any machine.
    return await latency(system, { cpuCores: 1, memoryBytes: Math.floor(0.7 * available.memoryBytes) })
  } finally {
    await system.stop()
  }
}

async function latency(system, need) {
  const long = (more) => ({ kind: 'synthetic', durationMs: 5_000, priority: 10, need, ...more })
  const urgent = { kind: 'synthetic', durationMs: 100, priority: 100, need, waitMs: 60_000 }
  const timed = async (more) => {
    const { id } = await system.call('POST', '/jobs', long(more))
    while ((await system.call('GET', `/jobs/${id}`)).state !== 'running') await pause(10)
    await pause(300)
    const start = performance.now()
    const { state } = await system.call('POST', '/jobs', urgent)
    const tookMs = performance.now() - start
    if (state !== 'succeeded') throw new Error(`the urgent job is ${state}`)
    await system.call('GET', `/jobs/${id}/result?waitMs=60000`)
    return tookMs
  }
  const times = []
  for (let round = 0; round < ROUNDS; round++) times.push(await timed({}))
  const [middle, worst] = [percentile(times, 0.5), Math.max(...times)]
  return [
    [
      'urgent 0.1 s job behind a 5 s one on one slot, p50',
      `${middle.toFixed(0)} ms (worst ${worst.toFixed(0)} ms; behind one that is not preemptible ${(await timed({ preemptible: false })).toFixed(0)} ms)`,
      '500 ms or less',
    ],
  ]
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
