import type { ChatHistoryItem, Llama, LlamaContext, LlamaContextSequence, LlamaModel } from 'node-llama-cpp'
import { Prompt } from '../protocol'
import { type Answer, Cancelled, InputError, serveWorker, type Work, type WorkContext } from '../worker'
import { PausableTexts } from './pauses'

type Generate = Extract<Work, { type: 'generate' }>
type Reason = 'stop' | 'stop_word' | 'length'

/** Loaded when it is needed: an old Node cannot even read it. */
const library = () => import('node-llama-cpp')

let llama: Llama | null = null
let model: LlamaModel | null = null
let context: LlamaContext | null = null

serveWorker({
  async probe() {
    try {
      const { llamaCppRelease } = await start(1)
      return { available: true, version: llamaCppRelease.release, backend: 'cpu', reason: null }
    } catch (error) {
      const words = (error instanceof Error ? error.message : String(error)).split('\n')[0]
      return { available: false, version: '', backend: '', reason: `node-llama-cpp does not load: ${words}` }
    }
  },
  async work(request, body, work) {
    if (request.type === 'load') {
      const [first] = request.files
      if (!first) throw new Error('The version has no file.')
      const llama = await start(request.threads)
      model = await llama.loadModel({ modelPath: first.absolutePath, gpuLayers: 0 })
      return { reply: { type: 'loaded' } }
    }
    if (request.type !== 'generate')
      throw new Error(`A worker for language models cannot do "${request.type}".`)
    if (!model) throw new Error('No model is loaded.')
    return generate(model, request, Prompt.parse(JSON.parse(new TextDecoder().decode(body))), work)
  },
})

/** Never builds or downloads anything: what is not there does not run. */
async function start(threads: number): Promise<Llama> {
  const { getLlama, LlamaLogLevel } = await library()
  llama ??= await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    maxThreads: threads,
  })
  return llama
}

async function generate(
  model: LlamaModel,
  request: Generate,
  prompt: Prompt,
  work: WorkContext,
): Promise<Answer> {
  const began = performance.now()
  const limits = { contextSize: request.contextSize, sequences: request.completions }
  context = await contextFor(model, limits)
  const write =
    'prompt' in prompt ? await continuing(model, prompt.prompt) : await chatting(model, prompt.messages)
  const room = request.contextSize - write.promptTokens
  if (room < 1) {
    const message = `The prompt has ${write.promptTokens} tokens, which does not fit a context of ${request.contextSize}.`
    throw new InputError(`${message} Shorten it, or ask for a larger contextSize.`)
  }
  const { keepIn } = request
  const sequences: LlamaContextSequence[] = []
  try {
    while (sequences.length < request.completions) sequences.push(context.getSequence())
    const texts = new PausableTexts(sequences, request.seed, keepIn, work.signal)
    const completions = await Promise.all(
      sequences.map(async (_, completion) => {
        let tokens = 0
        const options: Options = {
          maxTokens: Math.min(request.maxTokens, room),
          temperature: request.temperature,
          topP: request.topP,
          topK: request.topK,
          customStopTriggers: request.stop,
          signal: work.signal,
          stopOnAbortSignal: true,
          onTextChunk: (text) => work.text(completion, text),
          onToken: (all) => {
            tokens += all.length
          },
        }
        const finishReason = await texts.run(completion, (sequence) => write.run(sequence, options))
        return { tokens, finishReason }
      }),
    )
    if (work.signal.aborted) {
      if (work.isPause() && keepIn !== undefined) await texts.keep(keepIn)
      throw new Cancelled()
    }
    const computeMs = performance.now() - began
    return { reply: { type: 'generated', computeMs, promptTokens: write.promptTokens, completions } }
  } finally {
    for (const sequence of sequences) await sequence.dispose()
  }
}

interface Limits {
  contextSize: number
  sequences: number
}
let made: Limits | null = null

/** The one there is, or another when more is wanted of it: what it takes is leased before. */
async function contextFor(model: LlamaModel, limits: Limits): Promise<LlamaContext> {
  if (context && made?.contextSize === limits.contextSize && made.sequences >= limits.sequences)
    return context
  const old = context
  // No other may be made, and then this one must not be taken for one that still is.
  context = made = null
  await old?.dispose()
  context = await model.createContext({ ...limits, failedCreationRemedy: false })
  made = limits
  return context
}

interface Options {
  maxTokens: number
  temperature: number
  topP: number
  topK: number
  customStopTriggers: string[]
  signal: AbortSignal
  stopOnAbortSignal: true
  onTextChunk(text: string): void
  onToken(tokens: unknown[]): void
}

interface Writer {
  promptTokens: number
  run(sequence: LlamaContextSequence, options: Options): Promise<Reason>
}

async function continuing(model: LlamaModel, prompt: string): Promise<Writer> {
  const { LlamaCompletion } = await library()
  const tokens = model.tokenize(prompt)
  return {
    promptTokens: tokens.length,
    async run(contextSequence, options) {
      const completion = new LlamaCompletion({ contextSequence })
      const { metadata } = await completion.generateCompletionWithMeta(tokens, {
        ...options,
        disableContextShift: true,
      })
      return REASONS[metadata.stopReason] ?? 'stop'
    },
  }
}

type Messages = Extract<Prompt, { messages: unknown }>['messages']

async function chatting(model: LlamaModel, messages: Messages): Promise<Writer> {
  const { LlamaChat, resolveChatWrapper } = await library()
  if (!model.fileInfo.metadata.tokenizer?.chat_template) {
    throw new InputError('The model has no chat template, so it takes no messages. Send a prompt instead.')
  }
  const chatWrapper = resolveChatWrapper(model)
  const history = [...messages.map(toItem), { type: 'model' as const, response: [] }]
  const { contextText } = chatWrapper.generateContextState({ chatHistory: history })
  return {
    promptTokens: contextText.tokenize(model.tokenizer).length,
    async run(contextSequence, options) {
      const chat = new LlamaChat({ contextSequence, chatWrapper })
      const { metadata } = await chat.generateResponse(history, options)
      return REASONS[metadata.stopReason] ?? 'stop'
    },
  }
}

function toItem({ role, content }: Messages[number]): ChatHistoryItem {
  if (role === 'assistant') return { type: 'model', response: [content] }
  return { type: role, text: content }
}

const REASONS: Record<string, Reason> = {
  eogToken: 'stop',
  stopGenerationTrigger: 'stop',
  functionCalls: 'stop',
  customStopTrigger: 'stop_word',
  maxTokens: 'length',
  abort: 'length',
}
