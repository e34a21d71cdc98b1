import { join } from 'node:path'
import { fixtures, percentile, serve } from './support.mjs'

const ROUNDS = 7
const PROMPT = 'The control room'
const MAX_TOKENS = 400

/** Tokens a second of the tiny story through the system, against bare node-llama-cpp, turn and turn about in one run. */
export async function run() {
  const bare = await startBare().catch((error) => error)
  if (bare instanceof Error)
    return [['tokens per second', `not measured: ${bare.message.split('\n')[0]}`, '']]
  const system = await serve()
  try {
    await system.importModel(join(fixtures, 'tiny-story.gguf'), 'story')
    const job = {
      kind: 'generate',
      model: 'story@1',
      prompt: PROMPT,
      temperature: 0,
      maxTokens: MAX_TOKENS,
      waitMs: 120_000,
    }
    const ours = async () => {
      const start = performance.now()
      const { result, error } = await system.call('POST', '/jobs', job)
      if (!result) throw new Error(`the text was not written: ${JSON.stringify(error)}`)
      return { text: result.text, rate: (result.tokens / (performance.now() - start)) * 1000 }
    }
    const [first, second] = [await ours(), await bare()]
    if (first.text !== second.text) throw new Error('the two did not write the same text')
    const rates = { ours: [], bare: [] }
    for (let round = 0; round < ROUNDS; round++) {
      rates.ours.push((await ours()).rate)
      rates.bare.push((await bare()).rate)
    }
    const [a, b] = [percentile(rates.ours, 0.5), percentile(rates.bare, 0.5)]
    return [
      [
        'tokens per second of the tiny story through REST, p50',
        `${(a / b).toFixed(2)} of bare node-llama-cpp (${a.toFixed(0)}/s, bare ${b.toFixed(0)}/s)`,
        '0.95 or better',
      ],
    ]
  } finally {
    await system.stop()
  }
}

/** As the worker runs it: one thread, the model and its context loaded once. */
async function startBare() {
  const { getLlama, LlamaCompletion, LlamaLogLevel } = await import('node-llama-cpp')
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    maxThreads: 1,
  })
  const model = await llama.loadModel({ modelPath: join(fixtures, 'tiny-story.gguf'), gpuLayers: 0 })
  const context = await model.createContext({
    contextSize: Math.min(4096, model.trainContextSize),
    sequences: 1,
  })
  return async () => {
    const contextSequence = context.getSequence()
    const completion = new LlamaCompletion({ contextSequence })
    let tokens = 0
    const start = performance.now()
    const text = await completion.generateCompletion(model.tokenize(PROMPT), {
      maxTokens: MAX_TOKENS,
      temperature: 0,
      disableContextShift: true,
      onToken: (piece) => {
        tokens += piece.length
      },
    })
    const rate = (tokens / (performance.now() - start)) * 1000
    completion.dispose()
    contextSequence.dispose()
    return { text, rate }
  }
}
