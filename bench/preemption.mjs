import { join } from 'node:path'
import { fixtures, percentile, serve } from './support.mjs'

const ROUNDS = 5
const TEXTS = 25

/** What an urgent job waits behind a long one on the whole machine, and what taking turns costs texts on one engine. */
export async function run() {
  const system = await serve()
  try {
    const { capacity } = await system.call('GET', '/resources')
    // All the cores: one slot.
    const need = { cpuCores: capacity.cpuCores }
    return [...(await latency(system, need)), ...(await turns(system, need))]
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

/** The same texts one after the other, and by turns. */
async function turns(system, need) {
  await system.importModel(join(fixtures, 'tiny-story.gguf'), 'story')
  const runtimes = await system.call('GET', '/runtimes')
  if (!runtimes.items.some(({ id, available }) => id === 'llama' && available))
    return [['texts by turns', 'not measured: llama.cpp does not run here', '']]
  const write = async (preemptible, count = TEXTS) => {
    const start = performance.now()
    const ids = []
    for (let i = 0; i < count; i++) {
      const spec = {
        kind: 'generate',
        model: 'story@1',
        prompt: 'The control room',
        maxTokens: 490,
        contextSize: 512,
        completions: 4,
        temperature: 2,
        topP: 1,
        topK: 0,
        seed: 100 * i,
        need,
        preemptible,
      }
      ids.push((await system.call('POST', '/jobs', spec)).id)
    }
    const texts = []
    let times = 0
    for (const id of ids) {
      const { completions } = await resultOf(system, id)
      texts.push(completions.map(({ text }) => text))
      times += (await system.call('GET', `/jobs/${id}`)).preemptions
    }
    return { tookMs: performance.now() - start, texts: JSON.stringify(texts), times }
  }
  // The first loads the engine.
  await write(false, 1)
  const whole = await write(false)
  const sliced = await write(true)
  if (whole.texts !== sliced.texts) throw new Error('the texts are not the same')
  const overhead = (sliced.tookMs / whole.tookMs - 1) * 100
  return [
    [
      `${TEXTS} texts on one engine by turns, against one after the other`,
      `${overhead.toFixed(1)} % more time, ${sliced.times} turns, all texts the same (${seconds(whole)} s, ${seconds(sliced)} s)`,
      '10 % or less',
    ],
  ]
}

async function resultOf(system, id) {
  for (;;) {
    try {
      return await system.call('GET', `/jobs/${id}/result?waitMs=60000`)
    } catch (error) {
      if (!String(error).includes('compute.not_finished')) throw error
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const seconds = ({ tookMs }) => (tookMs / 1000).toFixed(1)
