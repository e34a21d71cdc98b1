import { stripVTControlCharacters } from 'node:util'
import type { ChatHistoryItem, Llama, LlamaContext, LlamaContextSequence, LlamaModel } from 'node-llama-cpp'
import { type Probe, Prompt, WORKER_ENV } from '../protocol'
import { type Answer, Cancelled, InputError, serveWorker, type Work, type WorkContext } from '../worker'
import { doesNotFit, offeredOn, packageOf } from './backends'
import { PausableTexts } from './pauses'

type Generate = Extract<Work, { type: 'generate' }>
type Reason = 'stop' | 'stop_word' | 'length'

/** What it is told to compute on: `cpu`, or a backend that takes the GPU that it sees. */
const backend = process.env[WORKER_ENV.options] || 'cpu'

/** Loaded when it is needed: an old Node cannot even read it. */
const library = () => import('node-llama-cpp')

let llama: Llama | null = null
let model: LlamaModel | null = null
let context: LlamaContext | null = null

serveWorker({
  probe,
  async work(request, body, work) {
    if (request.type === 'load') {
      const [first] = request.files
      if (!first) throw new Error('The version has no file.')
      model = await loadModel(await start(request.threads), first.absolutePath)
      return { reply: { type: 'loaded' } }
    }
    if (request.type !== 'generate')
      throw new Error(`A worker for language models cannot do "${request.type}".`)
    if (!model) throw new Error('No model is loaded.')
    return generate(model, request, Prompt.parse(JSON.parse(new TextDecoder().decode(body))), work)
  },
})

async function probe(): Promise<Probe> {
  const offers = offeredOn(process.platform, process.arch)
  // Why a library does not load is told to the console alone.
  const told: string[] = []
  console.warn = console.error = (...words: unknown[]) => told.push(words.map(wordsOf).join(' '))
  try {
    await findFiles()
    const llama = await start(1)
    if (backend !== 'cpu' && (await llama.getGpuDeviceNames()).length === 0)
      throw new Error('It finds no GPU.')
    return { available: true, version: llama.llamaCppRelease.release, backend, reason: null, offers }
  } catch (error) {
    const all = stripVTControlCharacters(told.at(-1) ?? wordsOf(error))
    const words = all.replace(/^\[node-llama-cpp\] /, '').split('\n')[0] ?? ''
    const reason = backend === 'cpu' ? `node-llama-cpp does not load: ${words}` : words
    return { available: false, version: '', backend: '', reason, offers }
  }
}

/** Looked for first, since the library takes its time. @throws Error where an empty package lies in their place */
async function findFiles(): Promise<void> {
  const name = packageOf(backend, process.platform)
  if (name === null) return
  const files = await import(name).catch(() => null)
  if (!files?.getBinsDir) throw new Error(`${name} is not installed.`)
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Never builds or downloads anything: what is not there does not run. */
async function start(threads: number): Promise<Llama> {
  const { getLlama, LlamaLogLevel } = await library()
  llama ??= await getLlama({
    gpu: libraryFor(backend),
    build: 'never',
    skipDownload: true,
    logLevel: LlamaLogLevel.error,
    maxThreads: threads,
  })
  return llama
}

function libraryFor(backend: string): 'cuda' | 'vulkan' | 'metal' | false {
  if (backend === 'cuda' || backend === 'vulkan' || backend === 'metal') return backend
  // For Apple's processors there is the one with Metal alone, which computes on the CPU what does not lie on the GPU.
  return process.platform === 'darwin' && process.arch === 'arm64' ? 'metal' : false
}

/** The whole model lies on the GPU, or nothing of it. @throws Error that says how much memory is wanting, where it is */
async function loadModel(llama: Llama, modelPath: string): Promise<LlamaModel> {
  if (backend === 'cpu') return llama.loadModel({ modelPath, gpuLayers: 0 })
  try {
    return await llama.loadModel({ modelPath, gpuLayers: 'max' })
  } catch (error) {
    const { GgufInsights, readGgufFileInfo } = await library()
    const insights = await GgufInsights.from(await readGgufFileInfo(modelPath), llama)
    const gpuLayers = insights.totalLayers
    throw await inWords(
      error,
      'The model alone',
      await insights.estimateModelResourceRequirementsV2({ gpuLayers }),
    )
  }
}

/** The error, in words of what there is where the memory of the GPU is too small. */
async function inWords(error: unknown, what: string, takes: { gpuVram: number }): Promise<unknown> {
  const memory = await llama?.getVramState()
  if (!memory || (takes.gpuVram <= memory.free && !/\bVRAM\b/.test(wordsOf(error)))) return error
  return new Error(doesNotFit(what, takes.gpuVram, memory), { cause: error })
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
        return { tokens, finishReason: finishReason ?? 'length' }
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
  context = await createContext(model, limits)
  made = limits
  return context
}

async function createContext(model: LlamaModel, limits: Limits): Promise<LlamaContext> {
  try {
    return await model.createContext({ ...limits, failedCreationRemedy: false })
  } catch (error) {
    if (backend === 'cpu') throw error
    const takes = await model.fileInsights.estimateContextResourceRequirementsV2({
      ...limits,
      modelGpuLayers: model.gpuLayers,
    })
    throw await inWords(error, `A context of ${limits.contextSize} tokens for each text`, takes)
  }
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
