import { z } from 'zod'

/** `docs/worker-protocol.md` describes it for workers in other languages; a change there or here is a new number. */
export const PROTOCOL_VERSION = 1

/** How a worker learns where to connect, and proves that it is the one that was started. */
export const WORKER_ENV = {
  socket: 'LLMAGENTOS_WORKER_SOCKET',
  token: 'LLMAGENTOS_WORKER_TOKEN',
  parent: 'LLMAGENTOS_WORKER_PARENT',
  /** Set to `1`: print a {@link Probe} as one line of JSON on stdout and end. */
  probe: 'LLMAGENTOS_WORKER_PROBE',
  /** Words for the runtime, such as which backend to use. */
  options: 'LLMAGENTOS_WORKER_OPTIONS',
} as const

const RequestId = z.number().int().nonnegative()
const Ms = z.number().finite().nonnegative()

/** The first frame of a connection, from the worker. */
export const Hello = z.object({
  type: z.literal('hello'),
  protocol: z.literal(PROTOCOL_VERSION),
  token: z.string().max(100),
})
export type Hello = z.infer<typeof Hello>

/** In `keepIn`, written last of all that is kept: what was there before is good until it is replaced. */
export const KEPT_INDEX = 'tokens.json'
/** Ends the names of files in `keepIn` that are still being written. */
export const UNFINISHED = '.new'

/** What the system asks. Requests are answered in the order they came, each once. */
export const Request = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('load'),
    id: RequestId,
    format: z.string(),
    files: z.array(z.object({ path: z.string(), absolutePath: z.string(), sizeBytes: z.number() })),
    threads: z.number().int().positive(),
  }),
  /** Body: packed tensors, one item for each run. Up to `stack` items run together along their first dimension. */
  z.object({ type: z.literal('run'), id: RequestId, stack: z.number().int().positive() }),
  /** Body: packed tensors, one item. */
  z.object({
    type: z.literal('benchmark'),
    id: RequestId,
    iterations: z.number().int().positive(),
    warmup: z.number().int().nonnegative(),
  }),
  z.object({
    type: z.literal('synthetic'),
    id: RequestId,
    durationMs: Ms,
    busy: z.boolean(),
    fail: z.enum(['error', 'crash', 'hang']).nullable(),
  }),
  /** Body: a {@link Prompt} as JSON. What is written comes as `text` while it is written, and is not repeated at the end. */
  z.object({
    type: z.literal('generate'),
    id: RequestId,
    maxTokens: z.number().int().positive(),
    temperature: z.number().nonnegative(),
    topP: z.number().positive(),
    /** 0: any. */
    topK: z.number().int().nonnegative(),
    /** Of the first completion; the next ones count on from it. */
    seed: z.number().int().nonnegative(),
    stop: z.array(z.string()),
    /** Tokens of prompt and answer together, for each completion. */
    contextSize: z.number().int().positive(),
    completions: z.number().int().positive(),
    /** A folder (absolute): what a `cancel` with `keep` leaves there, the same request goes on from. */
    keepIn: z.string().optional(),
  }),
  /** Ends the request `id` between two items, iterations or tokens; it is then answered with `cancelled`. */
  z.object({
    type: z.literal('cancel'),
    id: RequestId,
    /** It will be asked for again: leave in `keepIn` what is needed to go on. */
    keep: z.boolean().optional(),
  }),
  /** No answer: the worker ends. */
  z.object({ type: z.literal('exit') }),
])
export type Request = z.infer<typeof Request>

const Rss = z.number().int().nonnegative().optional()

/** What a worker answers. */
export const Reply = z.discriminatedUnion('type', [
  z.object({ type: z.literal('loaded'), id: RequestId, rssBytes: Rss }),
  /** To `run`. Body: packed tensors, one item for each item of the request. */
  z.object({ type: z.literal('done'), id: RequestId, computeMs: Ms, rssBytes: Rss }),
  z.object({
    type: z.literal('measured'),
    id: RequestId,
    computeMs: Ms,
    iterations: z.number().int().positive(),
    latencyMs: z.object({ p50: Ms, p95: Ms, p99: Ms, mean: Ms }),
    throughput: Ms,
    rssBytes: Rss,
  }),
  z.object({ type: z.literal('progress'), id: RequestId, fraction: z.number().min(0).max(1) }),
  /** What follows in one of the completions. */
  z.object({
    type: z.literal('text'),
    id: RequestId,
    completion: z.number().int().nonnegative(),
    text: z.string().min(1).max(100_000),
  }),
  z.object({
    type: z.literal('generated'),
    id: RequestId,
    computeMs: Ms,
    promptTokens: z.number().int().nonnegative(),
    completions: z.array(
      z.object({
        tokens: z.number().int().nonnegative(),
        finishReason: z.enum(['stop', 'stop_word', 'length']),
      }),
    ),
    rssBytes: Rss,
  }),
  z.object({ type: z.literal('cancelled'), id: RequestId }),
  /** `input`: what was sent does not fit the model. `runtime`: anything else the runtime says. */
  z.object({
    type: z.literal('failed'),
    id: RequestId,
    reason: z.enum(['input', 'runtime']),
    message: z.string().max(20_000),
  }),
])
export type Reply = z.infer<typeof Reply>

/** What a language model goes on from: a text, or the messages of a chat in the model's own form. */
export const Prompt = z.union([
  z.object({ prompt: z.string() }),
  z.object({
    messages: z
      .array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
      .min(1),
  }),
])
export type Prompt = z.infer<typeof Prompt>

/** What a runtime says of itself when it is asked whether it works here. */
export const Probe = z.object({
  available: z.boolean(),
  version: z.string().max(100),
  backend: z.string().max(200),
  reason: z.string().max(2000).nullable(),
  /** What the runtime's library says that it could run on. */
  offers: z.array(z.string().max(40)).max(20).optional(),
  /** Folders of its program, which a sandbox must let it read. */
  readsFrom: z.array(z.string().max(4096)).max(200).optional(),
})
export type Probe = z.infer<typeof Probe>
