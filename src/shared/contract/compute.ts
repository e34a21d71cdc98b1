import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { JOB_STATES } from '../domain/job-state'
import { DatasetReference, ModelName, ModelReference } from '../domain/references'
import { ResourceVector } from '../domain/resources'
import { JsonTensor } from '../domain/tensor'
import { ErrorBody, feedOf, Id, PageQuery, pageOf, procedure, Time } from './base'
import { Placement } from './core'
import { Import, ModelFormat } from './storage'

/** Counted before they are looked at: each bad name would be an issue of its own. */
export const Inputs = z
  .record(z.string(), z.unknown())
  .refine((inputs) => Object.keys(inputs).length <= 1000, {
    message: 'a model has at most 1000 inputs',
    abort: true,
  })
  .pipe(z.record(z.string().max(200), JsonTensor))
export type Inputs = z.infer<typeof Inputs>

const common = {
  name: z.string().trim().min(1).max(120).optional(),
  need: ResourceVector.optional(),
  priority: z.number().int().min(0).max(100).default(50),
  timeoutMs: z
    .number()
    .int()
    .min(1)
    .max(7 * 86_400_000)
    .optional(),
  maxAttempts: z.number().int().min(1).max(20).default(1),
  deadline: Time.optional(),
  dependsOn: z.array(Id).max(1000).default([]),
  idempotencyKey: z.string().min(1).max(200).optional(),
  labels: z
    .record(z.string().max(64), z.string().max(256))
    .refine((labels) => Object.keys(labels).length <= 64, 'use at most 64 labels')
    .default({}),
  /** Submit without starting: the job waits for `resume`. */
  hold: z.boolean().default(false),
  /** So long the answer may wait for the job to end; then it carries the result. */
  waitMs: z.number().int().min(0).max(600_000).default(0),
}

export const JobSpec = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('infer'), model: ModelReference, inputs: Inputs, ...common }).strict(),
  z
    .object({
      kind: z.literal('batch'),
      model: ModelReference,
      items: z.array(Inputs).min(1).max(100_000).optional(),
      /** Instead of `items`: every row of a data set is one. */
      dataset: DatasetReference.optional(),
      /**
       * Which columns feed an input; several are laid side by side. Default: the column of the input's name, or, for a model
       * with one input, all columns of numbers.
       */
      columns: z
        .record(z.string().max(200), z.union([z.string().max(200), z.array(z.string().max(200)).max(2000)]))
        .optional(),
      /** Items run together along the first dimension where the signature allows it. */
      batchSize: z.number().int().min(1).max(4096).default(1),
      ...common,
    })
    .strict()
    .refine(({ items, dataset }) => (items === undefined) !== (dataset === undefined), {
      message: 'give either items or a dataset',
      path: ['items'],
    })
    .refine(({ columns, dataset }) => columns === undefined || dataset !== undefined, {
      message: 'columns are those of a dataset',
      path: ['columns'],
    }),
  z
    .object({
      kind: z.literal('benchmark'),
      model: ModelReference,
      /** Default: zeros in the shape of the signature, named or free dimensions as 1. */
      inputs: Inputs.optional(),
      iterations: z.number().int().min(1).max(1_000_000),
      warmup: z.number().int().min(0).max(10_000).default(3),
      threads: z.number().int().min(1).max(256).optional(),
      ...common,
    })
    .strict(),
  z
    .object({
      kind: z.literal('generate'),
      model: ModelReference,
      /** A text to go on from. */
      prompt: z.string().min(1).max(1_000_000).optional(),
      /** Instead of `prompt`: a chat, in the form that the model was trained on. */
      messages: z
        .array(
          z
            .object({ role: z.enum(['system', 'user', 'assistant']), content: z.string().max(1_000_000) })
            .strict(),
        )
        .min(1)
        .max(1000)
        .optional(),
      maxTokens: z.number().int().min(1).max(131_072).default(256),
      /** 0: always the likeliest token. */
      temperature: z.number().min(0).max(5).default(0.8),
      topP: z.number().gt(0).max(1).default(0.95),
      /** 0: any. */
      topK: z.number().int().min(0).max(1000).default(40),
      /** The same seed gives the same text; default: another one each time. */
      seed: z.number().int().min(0).max(4_294_967_295).optional(),
      /** Ends the text before any of these. */
      stop: z.array(z.string().min(1).max(200)).max(16).default([]),
      /** Tokens of prompt and answer together. Default: 4,096, or what the model was trained on if that is less. */
      contextSize: z.number().int().min(16).max(1_048_576).optional(),
      /** How many texts to write at once. */
      completions: z.number().int().min(1).max(16).default(1),
      ...common,
    })
    .strict()
    .refine(({ prompt, messages }) => (prompt === undefined) !== (messages === undefined), {
      message: 'give either a prompt or messages',
      path: ['prompt'],
    }),
  z
    .object({
      kind: z.literal('synthetic'),
      durationMs: z.number().min(0).max(86_400_000),
      busy: z.boolean().default(false),
      fail: z.enum(['error', 'crash', 'hang']).optional(),
      ...common,
    })
    .strict(),
])
/** What a caller sends. */
export type JobSpecInput = z.input<typeof JobSpec>
/** The same with every default filled in. */
export type JobSpec = z.output<typeof JobSpec>
export const JobKind = z.enum(['infer', 'batch', 'benchmark', 'generate', 'synthetic'])
export type JobKind = z.infer<typeof JobKind>

export const JobTimings = z.object({
  queuedMs: z.number(),
  loadMs: z.number(),
  computeMs: z.number(),
})

export const Job = z.object({
  id: Id,
  kind: JobKind,
  name: z.string(),
  /** As asked for, `name@version` or `name@alias`. */
  model: z.string().nullable(),
  /** What the reference meant when the job was submitted. */
  modelVersion: z.number().int().nullable(),
  /** `name@version` of the data set whose rows are the items of a batch. */
  dataset: z.string().nullable(),
  state: z.enum(JOB_STATES),
  priority: z.number(),
  attempt: z.number().int(),
  maxAttempts: z.number().int(),
  /** 0 to 1. */
  progress: z.number(),
  /** A sentence; set while queued. */
  waitReason: z.string().nullable(),
  /** Expected time until it ends (running) or starts (queued). */
  estimateMs: z.number().nullable(),
  need: ResourceVector,
  placement: Placement.nullable(),
  timings: JobTimings,
  error: ErrorBody.nullable(),
  timeoutMs: z.number().nullable(),
  dependsOn: z.array(Id),
  labels: z.record(z.string(), z.string()),
  principal: Id,
  createdAt: Time,
  startedAt: Time.nullable(),
  finishedAt: Time.nullable(),
})
export type Job = z.infer<typeof Job>

/** `stop`: the model was done. `stop_word`: before one of the words it was to stop at. `length`: no more tokens. */
export const FinishReason = z.enum(['stop', 'stop_word', 'length'])
export const Completion = z.object({ text: z.string(), tokens: z.number(), finishReason: FinishReason })
export type Completion = z.infer<typeof Completion>

/** What follows in one of the texts of a `generate` job, at a position counted in UTF-16 units. */
export const TextPiece = z.object({ completion: z.number(), at: z.number(), text: z.string() })
export type TextPiece = z.infer<typeof TextPiece>

/** What a job gave; which fields are set depends on its kind. */
export const JobResult = z.object({
  job: Id,
  kind: JobKind,
  outputs: z.record(z.string(), JsonTensor).optional(),
  items: z.array(z.object({ outputs: z.record(z.string(), JsonTensor) })).optional(),
  iterations: z.number().optional(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number(), mean: z.number() }).optional(),
  /** Runs a second. */
  throughput: z.number().optional(),
  /** Of `generate`: the first text, and all of them where there are several. */
  text: z.string().optional(),
  tokens: z.number().optional(),
  promptTokens: z.number().optional(),
  finishReason: FinishReason.optional(),
  completions: z.array(Completion).optional(),
  timings: JobTimings,
})
export type JobResult = z.infer<typeof JobResult>

/** What `submit` answers: `result` when the job has succeeded by then, which only `waitMs` gives it time for. */
export const SubmittedJob = Job.extend({ result: JobResult.optional() })
export type SubmittedJob = z.infer<typeof SubmittedJob>

export const LogLine = z.object({
  at: Time,
  level: z.enum(['info', 'warn', 'error']),
  attempt: z.number(),
  text: z.string(),
})
export type LogLine = z.infer<typeof LogLine>

export const QueueView = z.object({
  depth: z.number(),
  byState: z.record(z.string(), z.number()),
  byPriority: z.array(z.object({ priority: z.number(), queued: z.number() })),
  /** Waiting jobs in the order they would start, at most 200. */
  waiting: z.array(
    z.object({
      job: Id,
      name: z.string(),
      effectivePriority: z.number(),
      reason: z.string(),
      estimateMs: z.number().nullable(),
    }),
  ),
  /** Predicted wait of a job submitted now with default priority. */
  predictedWaitMs: z.number().nullable(),
  lastHour: z.object({
    succeeded: z.number(),
    failed: z.number(),
    cancelled: z.number(),
    medianWaitMs: z.number().nullable(),
    p95WaitMs: z.number().nullable(),
  }),
})
export type QueueView = z.infer<typeof QueueView>

export const EngineView = z.object({
  id: Id,
  runtime: z.string(),
  model: z.string(),
  version: z.number(),
  state: z.enum(['loading', 'idle', 'busy']),
  pid: z.number().nullable(),
  memoryBytes: z.number(),
  loadMs: z.number().nullable(),
  runs: z.number(),
  idleSince: Time.nullable(),
})
export type EngineView = z.infer<typeof EngineView>

/** `process`: a process of its own with an environment of its own. `bubblewrap`: besides, no network and no files but its own. */
export const Isolation = z.enum(['process', 'bubblewrap'])
export type Isolation = z.infer<typeof Isolation>

export const RuntimeView = z.object({
  id: z.string(),
  name: z.string(),
  version: z.string(),
  available: z.boolean(),
  /** What it runs on here, for example `cpu (wasm, simd)`. */
  backend: z.string(),
  isolation: Isolation,
  formats: z.array(ModelFormat),
  /** Why something does not run here; null when nothing is missing. */
  reason: z.string().nullable(),
  engines: z.array(EngineView),
})
export type RuntimeView = z.infer<typeof RuntimeView>

const ById = z.object({ id: Id })
const WaitMs = z.coerce
  .number()
  .int()
  .min(0)
  .max(600_000)
  .default(0)
  .describe('Wait so long for the job to end')

export const computeContract = {
  jobs: {
    submit: procedure('job.submit', {
      method: 'POST',
      path: '/jobs',
      successStatus: 201,
      summary: 'Submit a job; the same idempotencyKey returns the first job',
      description:
        'Answers when the job is on the disk. With `waitMs` in the body it answers when the job has ended or that time has passed, whichever comes first, and carries `result` when the job succeeded; look at `state`. Whoever hangs up while waiting does not cancel the job. A repeat with the same `idempotencyKey` waits for the first job.',
      tags: ['compute'],
    })
      .input(JobSpec)
      .output(SubmittedJob),
    list: procedure('job.list', {
      method: 'GET',
      path: '/jobs',
      summary: 'Jobs, newest first',
      tags: ['compute'],
    })
      .input(
        PageQuery.extend({
          state: z.enum(JOB_STATES).optional(),
          kind: JobKind.optional(),
          model: z.string().max(100).optional(),
        }),
      )
      .output(pageOf(Job)),
    get: procedure('job.read', { method: 'GET', path: '/jobs/{id}', summary: 'One job', tags: ['compute'] })
      .input(ById)
      .output(Job),
    cancel: procedure('job.control', {
      method: 'POST',
      path: '/jobs/{id}/cancel',
      summary: 'Cancel a job',
      tags: ['compute'],
    })
      .input(ById)
      .output(Job),
    retry: procedure('job.control', {
      method: 'POST',
      path: '/jobs/{id}/retry',
      successStatus: 201,
      summary: 'Submit a copy of a job that ended',
      tags: ['compute'],
    })
      .input(ById)
      .output(Job),
    hold: procedure('job.control', {
      method: 'POST',
      path: '/jobs/{id}/hold',
      summary: 'Keep a queued job from starting',
      tags: ['compute'],
    })
      .input(ById)
      .output(Job),
    resume: procedure('job.control', {
      method: 'POST',
      path: '/jobs/{id}/resume',
      summary: 'Let a held job start',
      tags: ['compute'],
    })
      .input(ById)
      .output(Job),
    update: procedure('job.control', {
      method: 'PATCH',
      path: '/jobs/{id}',
      summary: 'Change the priority',
      tags: ['compute'],
    })
      .input(ById.extend({ priority: z.number().int().min(0).max(100) }).strict())
      .output(Job),
    result: procedure('job.read', {
      method: 'GET',
      path: '/jobs/{id}/result',
      summary: 'What the job gave',
      tags: ['compute'],
    })
      .input(ById.extend({ waitMs: WaitMs }))
      .output(JobResult),
    saveDataset: procedure('job.read', {
      method: 'POST',
      path: '/jobs/{id}/dataset',
      successStatus: 202,
      summary: 'Keep the results of a batch as a data set',
      description:
        'One row for each item, in their order, one column for each output; the lineage of the data set names the job, its model and the data set it read. Answers with the import that writes it.',
      tags: ['compute'],
    })
      .input(ById.extend({ name: ModelName }).strict())
      .output(Import),
    log: procedure('job.read', {
      method: 'GET',
      path: '/jobs/{id}/log',
      summary: 'What the job and its worker said',
      tags: ['compute'],
    })
      .input(ById)
      .output(pageOf(LogLine)),
    events: procedure('job.read', {
      method: 'GET',
      path: '/jobs/{id}/events',
      summary: 'The job as it changes, until it ends',
      tags: ['compute'],
    })
      .input(ById)
      .output(eventIterator(Job)),
    text: procedure('job.read', {
      method: 'GET',
      path: '/jobs/{id}/text',
      summary: 'What a language model writes, while it writes it',
      description:
        'Server-sent pieces, each with its place: first what there is, then what follows, until the job ends. A piece at a place that was sent before begins the text anew: another attempt.',
      tags: ['compute'],
    })
      .input(ById)
      .output(eventIterator(TextPiece)),
    watch: procedure('job.list', {
      method: 'GET',
      path: '/events/jobs',
      summary: 'Jobs as they change',
      tags: ['compute'],
    }).output(eventIterator(feedOf(Job))),
  },
  queue: procedure('job.list', {
    method: 'GET',
    path: '/queue',
    summary: 'Depth, reasons and predicted waits',
    tags: ['compute'],
  }).output(QueueView),
  runtimes: {
    list: procedure('runtime.read', {
      method: 'GET',
      path: '/runtimes',
      summary: 'Which formats run here, on what, and why not',
      tags: ['compute'],
    }).output(pageOf(RuntimeView)),
    unload: procedure('runtime.manage', {
      method: 'DELETE',
      path: '/engines/{id}',
      successStatus: 204,
      summary: 'Unload an idle engine',
      tags: ['compute'],
    }).input(ById),
  },
}
