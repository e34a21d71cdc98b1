import { join } from 'node:path'
import { fixtures, percentile, serve } from './support.mjs'

const ROUNDS = 5
const TEXTS = 25
const TEXT_ROUNDS = 2

/** What an urgent job waits behind a long one on one slot, and what it costs that texts are written by turns. */
export async function run() {
  const system = await serve()
  try {
    const { available } = await system.call('GET', '/resources')
    // So much memory that two do not fit: one slot, on any machine.
    const slot = { cpuCores: 1, memoryBytes: Math.floor(0.7 * available.memoryBytes) }
    return [...(await latency(system, slot)), ...(await turns(system))]
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

/** The same texts on one engine, by turns and one after the other, alternating: they must be the same to the letter. */
async function turns(system) {
  const { items } = await system.call('GET', '/runtimes')
  if (!items.some(({ formats, available }) => available && formats.includes('gguf')))
    return [['texts by turns', 'not measured: no runtime for GGUF is there', '']]
  await system.importModel(join(fixtures, 'tiny-story.gguf'), 'story')
  const { available } = await system.call('GET', '/resources')
  const write = async (preemptible) => {
    const start = performance.now()
    const ids = []
    for (let i = 0; i < TEXTS; i++) {
      const text = { kind: 'generate', model: 'story@1', prompt: `Story ${i}:`, seed: i, maxTokens: 400 }
      const need = { cpuCores: Math.max(1, available.cpuCores - 0.5) }
      const job = await system.call('POST', '/jobs', { ...text, completions: 16, preemptible, need })
      ids.push(job.id)
    }
    const texts = []
    let stops = 0
    for (const id of ids) {
      const { text, completions } = await system.call('GET', `/jobs/${id}/result?waitMs=600000`)
      texts.push(JSON.stringify(completions ?? text))
      stops += (await system.call('GET', `/jobs/${id}`)).attempts.length
    }
    return { tookMs: performance.now() - start, texts: texts.join(), stops }
  }
  await write(true)
  const shares = []
  let stops = 0
  for (let round = 0; round < TEXT_ROUNDS; round++) {
    const inTurn = await write(false)
    const byTurns = await write(true)
    if (inTurn.texts !== byTurns.texts) throw new Error('texts by turns differ from those written in one go')
    shares.push(byTurns.tookMs / inTurn.tookMs - 1)
    stops += byTurns.stops
  }
  const percent = (share) => `${(100 * share).toFixed(1)} %`
  shares.sort((a, b) => a - b)
  return [
    [
      `${TEXTS} jobs of 16 texts by turns against one after the other`,
      `${percent(percentile(shares, 0.5))} longer (${percent(shares[0])} to ${percent(shares.at(-1))}; ${stops} turns), the same to the letter`,
      'at most 10 %',
    ],
  ]
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
