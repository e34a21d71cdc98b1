import { z } from 'zod'
import { listOf, recordOf } from '../domain/bounded'
import { PlaceHints } from '../domain/place-hints'
import { DatasetReference, ModelReference } from '../domain/references'
import { ResourceVector } from '../domain/resources'
import { JsonTensor } from '../domain/tensor'
import { Id, Time } from './base'

const MAX_INPUTS = 1000
const MAX_TEXT = 1_000_000

const InputName = z.string().max(200)
const inputCount = { max: MAX_INPUTS, tooMany: `a model has at most ${MAX_INPUTS} inputs` }

function inputsOf<Value extends z.ZodType>(value: Value) {
  return recordOf(InputName, value, inputCount)
}

export const Inputs = inputsOf(JsonTensor)
export type Inputs = z.infer<typeof Inputs>

/** What another job will have given by then: one of the outputs of an `infer`. Waits for that job. */
export const OutputReference = z.object({ fromJob: Id, output: z.string().min(1).max(200) }).strict()
export type OutputReference = z.infer<typeof OutputReference>
/** Inputs, some of which another job will give. */
export const LinkedInputs = inputsOf(z.union([JsonTensor, OutputReference]))
export type LinkedInputs = z.infer<typeof LinkedInputs>

/** The text of a `generate` that will have ended by then, put into `template` in place of `{text}`. */
export const TextReference = z
  .object({
    fromJob: Id,
    template: z
      .string()
      .max(MAX_TEXT)
      .default('{text}')
      .refine((template) => template.includes('{text}'), 'say with {text} where the text goes'),
  })
  .strict()

/** The outputs of a `batch` that will have ended by then, item after item; `rename`: output by input, default: the same name. */
export const ItemsReference = z
  .object({
    fromJob: Id,
    rename: recordOf(InputName, z.string().max(200), inputCount).default({}),
  })
  .strict()

/** When a job that depends on others runs: all have succeeded; all have ended and one has failed; all have ended. */
export const RunWhen = z.enum(['succeeded', 'failed', 'ended'])
export type RunWhen = z.infer<typeof RunWhen>

const common = {
  name: z.string().trim().min(1).max(120).optional(),
  need: ResourceVector.optional(),
  place: PlaceHints.optional(),
  priority: z.number().int().min(0).max(100).default(50),
  timeoutMs: z
    .number()
    .int()
    .min(1)
    .max(7 * 86_400_000)
    .optional(),
  maxAttempts: z.number().int().min(1).max(20).default(1),
  deadline: Time.optional(),
  /** Jobs that must have ended before; those that an input comes from count without being named. */
  dependsOn: listOf(Id, { max: 1000 }).default([]),
  runWhen: RunWhen.default('succeeded'),
  /**
   * Whether a job that is much more urgent may take its place; it then goes on later where it was, with the same result.
   * Default: true. A benchmark never is.
   */
  preemptible: z.boolean().optional(),
  /** Take the result of an earlier job of the same principal that had the same model, inputs and parameters, if it too was to be reused. */
  reuse: z.boolean().optional(),
  labels: recordOf(z.string().max(64), z.string().max(256), {
    max: 64,
    tooMany: 'use at most 64 labels',
  }).default({}),
  /** Submit without starting: the job waits for `resume`. */
  hold: z.boolean().default(false),
}

const infer = {
  kind: z.literal('infer'),
  model: ModelReference,
  inputs: LinkedInputs,
  /**
   * What runs in one go with others is to have ended so long after it could have started. More gives more answers a second
   * under load. Default: twice what it takes alone, 20 ms at least.
   */
  latencyTargetMs: z.number().int().min(1).max(600_000).optional(),
  ...common,
}

const batch = {
  kind: z.literal('batch'),
  model: ModelReference,
  items: z.union([listOf(Inputs, { min: 1, max: 100_000 }), ItemsReference]).optional(),
  /** Instead of `items`: every row of a data set is one. */
  dataset: DatasetReference.optional(),
  /**
   * Which columns feed an input; several are laid side by side. Default: the column of the input's name, or, for a model
   * with one input, all columns of numbers.
   */
  columns: recordOf(
    InputName,
    z.union([z.string().max(200), listOf(z.string().max(200), { max: 2000 })]),
    inputCount,
  ).optional(),
  /** Items run together along the first dimension where the signature allows it. */
  batchSize: z.number().int().min(1).max(4096).default(1),
  ...common,
}

const benchmark = {
  kind: z.literal('benchmark'),
  model: ModelReference,
  /** Default: zeros in the shape of the signature, named or free dimensions as 1. */
  inputs: Inputs.optional(),
  iterations: z.number().int().min(1).max(1_000_000),
  warmup: z.number().int().min(0).max(10_000).default(3),
  threads: z.number().int().min(1).max(256).optional(),
  ...common,
}

const generate = {
  kind: z.literal('generate'),
  model: ModelReference,
  /** A text to go on from. */
  prompt: z.union([z.string().min(1).max(MAX_TEXT), TextReference]).optional(),
  /** Instead of `prompt`: a chat, in the form that the model was trained on. */
  messages: listOf(
    z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string().max(MAX_TEXT) }).strict(),
    { min: 1, max: 1000 },
  ).optional(),
  maxTokens: z.number().int().min(1).max(131_072).default(256),
  /** 0: always the likeliest token. */
  temperature: z.number().min(0).max(5).default(0.8),
  topP: z.number().gt(0).max(1).default(0.95),
  /** 0: any. */
  topK: z.number().int().min(0).max(1000).default(40),
  /** The same seed gives the same text; default: another one each time. */
  seed: z.number().int().min(0).max(4_294_967_295).optional(),
  /** Ends the text before any of these. */
  stop: listOf(z.string().min(1).max(200), { max: 16 }).default([]),
  /** Tokens of prompt and answer together. Default: 4,096, or what the model was trained on if that is less. */
  contextSize: z.number().int().min(16).max(1_048_576).optional(),
  /** How many texts to write at once. */
  completions: z.number().int().min(1).max(16).default(1),
  ...common,
}

const synthetic = {
  kind: z.literal('synthetic'),
  durationMs: z.number().min(0).max(86_400_000),
  busy: z.boolean().default(false),
  fail: z.enum(['error', 'crash', 'hang']).optional(),
  ...common,
}

type Given = Record<string, unknown>
const oneSourceOfItems = {
  holds: ({ items, dataset }: Given) => (items === undefined) !== (dataset === undefined),
  else: { message: 'give either items or a dataset', path: ['items'] },
}
const columnsOfDataset = {
  holds: ({ columns, dataset }: Given) => columns === undefined || dataset !== undefined,
  else: { message: 'columns are those of a dataset', path: ['columns'] },
}
const onePrompt = {
  holds: ({ prompt, messages }: Given) => (prompt === undefined) !== (messages === undefined),
  else: { message: 'give either a prompt or messages', path: ['prompt'] },
}

/** Of a job that is submitted by itself. */
const single = {
  idempotencyKey: z.string().min(1).max(200).optional(),
  /** So long the answer may wait for the job to end; then it carries the result. */
  waitMs: z.number().int().min(0).max(600_000).default(0),
}

export const JobSpec = z.discriminatedUnion('kind', [
  z.object({ ...infer, ...single }).strict(),
  z
    .object({ ...batch, ...single })
    .strict()
    .refine(oneSourceOfItems.holds, oneSourceOfItems.else)
    .refine(columnsOfDataset.holds, columnsOfDataset.else),
  z.object({ ...benchmark, ...single }).strict(),
  z
    .object({ ...generate, ...single })
    .strict()
    .refine(onePrompt.holds, onePrompt.else),
  z.object({ ...synthetic, ...single }).strict(),
])
/** What a caller sends. */
export type JobSpecInput = z.input<typeof JobSpec>
/** The same with every default filled in. */
export type JobSpec = z.output<typeof JobSpec>
export const JobKind = z.enum(['infer', 'batch', 'benchmark', 'generate', 'synthetic'])
export type JobKind = z.infer<typeof JobKind>

/** Names a job within its pipeline. */
export const JobKey = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'use 1-64 letters, digits, dot, dash and underscore')
const member = { key: JobKey }

/** A job of a pipeline: `dependsOn` and `fromJob` name other jobs of the pipeline by their keys. */
export const PipelineJobSpec = z.discriminatedUnion('kind', [
  z.object({ ...infer, ...member }).strict(),
  z
    .object({ ...batch, ...member })
    .strict()
    .refine(oneSourceOfItems.holds, oneSourceOfItems.else)
    .refine(columnsOfDataset.holds, columnsOfDataset.else),
  z.object({ ...benchmark, ...member }).strict(),
  z
    .object({ ...generate, ...member })
    .strict()
    .refine(onePrompt.holds, onePrompt.else),
  z.object({ ...synthetic, ...member }).strict(),
])
export type PipelineJobSpec = z.output<typeof PipelineJobSpec>

const MAX_WAITS = 20_000
const fewWaits = {
  holds: ({ jobs }: { jobs: readonly PipelineJobSpec[] }) =>
    jobs.reduce((sum, { dependsOn }) => sum + dependsOn.length, 0) <= MAX_WAITS,
  else: {
    message: `the jobs of a pipeline wait for at most ${MAX_WAITS} others, counted over all of them; where each of many waits for each of many, let one job stand between`,
    path: ['jobs'],
  },
}

export const PipelineSpec = z
  .object({
    name: z.string().trim().min(1).max(120).default('pipeline'),
    jobs: listOf(PipelineJobSpec, { min: 1, max: 1000 }),
    /** What a job did in an earlier pipeline is taken over where nothing that it follows from has changed. */
    reuse: z.boolean().default(true),
  })
  .strict()
  .refine(fewWaits.holds, fewWaits.else)
export type PipelineSpec = z.output<typeof PipelineSpec>
export type PipelineSpecInput = z.input<typeof PipelineSpec>
