import { serve } from './support.mjs'

const JOBS = 2000
const CLIENTS = 100

/** No-op jobs, each durable before it is acknowledged, from 100 clients over REST, until the last is terminal. */
export async function run() {
  const system = await serve()
  try {
    const burst = async (count) => {
      let left = count
      await Promise.all(
        Array.from({ length: CLIENTS }, async () => {
          while (left-- > 0) await system.call('POST', '/jobs', { kind: 'synthetic', durationMs: 0 })
        }),
      )
      const submittedAt = performance.now()
      for (;;) {
        const { depth, byState } = await system.call('GET', '/queue')
        if (depth === 0 && !byState.running) return submittedAt
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    await burst(200)
    const start = performance.now()
    const submittedAt = await burst(JOBS)
    const end = performance.now()
    return [
      ['no-op jobs acknowledged durably, 100 clients over REST', `${rate(JOBS, submittedAt - start)}`, ''],
      ['no-op jobs submitted to terminal', `${rate(JOBS, end - start)}`, ''],
    ]
  } finally {
    await system.stop()
  }
}

function rate(count, elapsedMs) {
  return `${Math.round((count / elapsedMs) * 1000)}/s`
}
