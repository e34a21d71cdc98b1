import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fixtures, percentile, serve } from './support.mjs'

const ROUNDS = 5
/** Less than an engine takes: the next has no room, unless another goes. */
const LEFT_BYTES = 48 * 2 ** 20
const MODELS = [
  ['mnist_cnn.onnx', 'onnx-digits'],
  ['silero_vad_v5.onnx', 'voice'],
  ['tiny-story.gguf', 'story'],
  ['mnist_cnn.pt', 'torch-digits'],
]

/** A sound of silence, as the detector takes it. */
const VOICE = {
  input: { dtype: 'float32', shape: [1, 576], base64: Buffer.alloc(576 * 4).toString('base64') },
  state: { dtype: 'float32', shape: [2, 1, 128], base64: Buffer.alloc(256 * 4).toString('base64') },
  sr: { dtype: 'int64', shape: [], data: [16_000] },
}

/** How long a model takes from nothing to its first answer, and to be gone again. */
export async function run() {
  const digit = (await readFile(join(fixtures, 'test100.f32'))).subarray(0, 3136).toString('base64')
  const system = await serve()
  try {
    const rows = []
    for (const [file, name] of MODELS) {
      await system.importModel(join(fixtures, file), name)
      const { signature } = await system.call('GET', `/models/${name}/versions/1`)
      const loads = []
      const unloads = []
      let why = ''
      for (let round = 0; round < ROUNDS && why === ''; round++) {
        const job = await system
          .call('POST', '/jobs', { ...jobFor(name, signature, digit), model: `${name}@1`, waitMs: 120_000 })
          .catch((error) => ({ error }))
        if (!job.result) {
          why = job.error?.message ?? 'it gave no result'
          break
        }
        loads.push(job.result.timings.loadMs)
        const { items } = await system.call('GET', '/runtimes')
        const engine = items.flatMap(({ engines }) => engines).find(({ model }) => model === name)
        const start = performance.now()
        await system.call('DELETE', `/engines/${engine.id}`)
        unloads.push(performance.now() - start)
      }
      const figure = `${percentile(loads, 0.5).toFixed(0)} ms, evicted in ${percentile(unloads, 0.5).toFixed(0)} ms`
      rows.push([`engine of ${file} loaded, p50`, why === '' ? figure : `not measured: ${why}`, ''])
    }
    rows.push(await timeRoomMaking(system, digit))
    return rows
  } finally {
    await system.stop()
  }
}

/** The first answer of a more important model while another holds the last of the memory, beside that with memory free. */
async function timeRoomMaking(system, digit) {
  const run = async (name, priority) => {
    const { signature } = await system.call('GET', `/models/${name}/versions/1`)
    const job = { ...jobFor(name, signature, digit), model: `${name}@1`, priority, waitMs: 120_000 }
    const start = performance.now()
    const { state, error } = await system.call('POST', '/jobs', job)
    if (state !== 'succeeded') throw new Error(error?.message ?? `the job is ${state}`)
    return performance.now() - start
  }
  const engines = async () =>
    (await system.call('GET', '/runtimes')).items.flatMap(({ engines: loaded }) => loaded)
  const unloadAll = async () => {
    for (const { id } of await engines()) await system.call('DELETE', `/engines/${id}`)
  }
  const free = []
  const full = []
  for (let round = 0; round < ROUNDS; round++) {
    await unloadAll()
    free.push(await run('voice', 90))
    await unloadAll()
    await run('onnx-digits', 10)
    const { available } = await system.call('GET', '/resources')
    const memoryBytes = Math.max(0, available.memoryBytes - LEFT_BYTES)
    const lease = await system.call('POST', '/leases', { need: { memoryBytes }, ttlMs: 300_000 })
    const ms = await run('voice', 90)
    // Memory that another program has given back meanwhile makes room too; such a round tells nothing.
    if (!(await engines()).some(({ model }) => model === 'onnx-digits')) full.push(ms)
    await system.call('DELETE', `/leases/${lease.id}`)
  }
  const figure =
    full.length > 0
      ? `${percentile(full, 0.5).toFixed(0)} ms with memory full (${full.length} rounds), ${percentile(free, 0.5).toFixed(0)} ms with memory free`
      : 'not measured: memory did not stay full'
  return ['first answer of a more important model, p50', figure, '']
}

function jobFor(name, { inputs }, digit) {
  if (name === 'story') return { kind: 'generate', prompt: 'The', temperature: 0, maxTokens: 1 }
  if (name === 'voice') return { kind: 'infer', inputs: VOICE }
  return {
    kind: 'infer',
    inputs: { [inputs[0].name]: { dtype: 'float32', shape: [1, 1, 28, 28], base64: digit } },
  }
}
