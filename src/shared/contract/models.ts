import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { listOf } from '../domain/bounded'
import { AliasName, ModelName, ModelReference, VersionNumber } from '../domain/references'
import { Signature, TensorSpec } from '../domain/tensor'
import { feedOf, Id, PageQuery, pageOf, procedure, ShortListQuery, Time } from './base'
import { Finding } from './imports'
import { Lineage, LineageGraph } from './lineage'

export const ModelFormat = z.enum([
  'onnx',
  'tfjs-graph',
  'tfjs-layers',
  'savedmodel',
  'keras',
  'keras-h5',
  'tflite',
  'torchscript',
  /** A dictionary of weights saved by PyTorch: no graph. */
  'torch-state',
  'safetensors',
  'gguf',
  /** Python objects that carry no known model: kept, never run. */
  'pickle',
])
export type ModelFormat = z.infer<typeof ModelFormat>

/** One tensor of a model's weights; `dtype` in the words of its format, such as `float32` or `Q4_K`. */
export const TensorInfo = z.object({
  name: z.string(),
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()),
})
export type TensorInfo = z.infer<typeof TensorInfo>

export const ModelFile = z.object({ path: z.string(), digest: z.string(), sizeBytes: z.number() })
export type ModelFile = z.infer<typeof ModelFile>

/** What a person may say about a version: the only part of it that changes. */
export const VersionNotes = z.object({
  notes: z.string().max(20_000),
  tags: listOf(z.string().trim().min(1).max(50), { max: 50 }),
  /** A version of TorchScript whose graph these bare weights fit; null: none. */
  architecture: ModelReference.nullable(),
})
export type VersionNotes = z.infer<typeof VersionNotes>

const MetadataValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])

export const ModelVersion = z.object({
  model: ModelName,
  version: z.number().int(),
  /** SHA-256 of the canonical list of files; for a single file, that file's digest. */
  digest: z.string(),
  sizeBytes: z.number(),
  format: ModelFormat,
  framework: z.string(),
  signature: Signature,
  files: z.array(ModelFile),
  /** `parameters`, `opset`, `producer`, `license`, ... as far as the file tells. */
  metadata: z.record(z.string(), MetadataValue),
  lineage: Lineage,
  findings: z.array(Finding),
  aliases: z.array(z.string()),
  /** How many tensors the file names; `GET .../tensors` lists them. */
  tensorCount: z.number().int(),
  ...VersionNotes.shape,
  createdAt: Time,
  createdBy: Id,
})
export type ModelVersion = z.infer<typeof ModelVersion>

const Share = z.object({
  requests: z.number().int(),
  errors: z.number().int(),
  /** Of the time in the runtime; null before the first request. */
  p95Ms: z.number().nullable(),
})

/** A part of an alias' traffic goes to another version until that version has proved itself, or failed. */
export const CanaryPlan = z
  .object({
    version: z.number().int().positive(),
    /** Share of the requests, 0 to 1. */
    weight: z.number().gt(0).max(1),
    /** Rolled back above this share of failed requests ... */
    maxErrorRate: z.number().min(0).max(1).default(0.05),
    /** ... or above this 95th percentile of the run time, ... */
    maxP95Ms: z.number().positive().nullable().default(null),
    /** ... once so many requests have ended. */
    minRequests: z.number().int().min(1).max(1_000_000).default(20),
  })
  .strict()
export type CanaryPlan = z.infer<typeof CanaryPlan>

export const Canary = z.object({
  ...CanaryPlan.shape,
  startedAt: Time,
  startedBy: Id,
  canary: Share,
  /** The version that the alias points to, over the same time. */
  stable: Share,
})
export type Canary = z.infer<typeof Canary>

export const Alias = z.object({
  alias: AliasName,
  version: z.number().int(),
  setAt: Time,
  setBy: Id,
  canary: Canary.nullable(),
})
export type Alias = z.infer<typeof Alias>
/** What became of a canary while its alias stayed where it was. */
export const CanaryChange = z.object({
  event: z.enum(['started', 'stopped', 'rolled_back']),
  version: z.number().int(),
  /** Share of the requests, 0 to 1. */
  weight: z.number(),
})
export const AliasChange = z.object({
  alias: AliasName,
  /** Null: the alias was made, or removed. */
  from: z.number().int().nullable(),
  to: z.number().int().nullable(),
  at: Time,
  by: Id,
  /** Why, in words: what a person gave, or why a canary was rolled back. */
  reason: z.string().nullable(),
  /** Null: the alias was moved, made or removed. Else `from` and `to` are the same. */
  canary: CanaryChange.nullable(),
})
export type AliasChange = z.infer<typeof AliasChange>

/** Which versions of a model may be collected, and which stay loaded. */
export const VersionPolicy = z
  .object({
    /** `latest`: the newest `count`; `pinned`: those with an alias or the tag `pinned`. Aliased ones are always kept. */
    keep: z.enum(['all', 'latest', 'pinned']),
    count: z.number().int().min(1).max(1000).default(3),
    /** Engines of kept versions are not unloaded for being idle, only for something more important. */
    warm: z.boolean().default(false),
  })
  .strict()
export type VersionPolicy = z.infer<typeof VersionPolicy>

export const ModelSummary = z.object({
  /** The same as `name`: what lists key by. */
  id: z.string(),
  name: ModelName,
  latest: z.number().int(),
  format: ModelFormat,
  sizeBytes: z.number(),
  aliases: z.array(Alias),
  versions: z.array(z.number().int()),
  updatedAt: Time,
  /** Models that belong together, such as `llama-3`; null: none. */
  family: z.string().nullable(),
  policy: VersionPolicy,
})
export type ModelSummary = z.infer<typeof ModelSummary>

export const Model = ModelSummary.extend({ history: z.array(AliasChange) })
export type Model = z.infer<typeof Model>

export const ModelDiff = z.object({
  from: z.number().int(),
  to: z.number().int(),
  sizeBytes: z.object({ from: z.number(), to: z.number() }),
  /** True when every caller of `from` can call `to`: same inputs, and at least the same outputs. */
  compatible: z.boolean(),
  inputs: z.array(z.object({ name: z.string(), from: TensorSpec.nullable(), to: TensorSpec.nullable() })),
  outputs: z.array(z.object({ name: z.string(), from: TensorSpec.nullable(), to: TensorSpec.nullable() })),
  metadata: z.array(
    z.object({ key: z.string(), from: MetadataValue.nullable(), to: MetadataValue.nullable() }),
  ),
  files: z.array(
    z.object({
      path: z.string(),
      change: z.enum(['added', 'removed', 'changed']),
      fromBytes: z.number(),
      toBytes: z.number(),
    }),
  ),
  /** At most 1,000 of each. */
  tensors: z.object({
    added: z.array(TensorInfo),
    removed: z.array(TensorInfo),
    reshaped: z.array(z.object({ name: z.string(), from: TensorInfo, to: TensorInfo })),
    unchanged: z.number().int(),
  }),
})
export type ModelDiff = z.infer<typeof ModelDiff>

/** What one measured run of a version gave. */
export const VersionBenchmark = z.object({
  job: Id,
  version: z.number().int(),
  at: Time,
  device: z.string(),
  threads: z.number().int(),
  iterations: z.number(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number(), mean: z.number() }),
  throughput: z.number(),
})
export type VersionBenchmark = z.infer<typeof VersionBenchmark>

const ByName = z.object({ name: ModelName })
const ByVersion = ByName.extend({ version: VersionNumber })

export const modelsContract = {
  list: procedure('model.list', {
    method: 'GET',
    path: '/models',
    summary: 'Models with their aliases and versions',
    tags: ['storage'],
  })
    .input(PageQuery)
    .output(pageOf(ModelSummary)),
  get: procedure('model.read', {
    method: 'GET',
    path: '/models/{name}',
    summary: 'A model and the newest 1,000 changes of its aliases',
    tags: ['storage'],
  })
    .input(ByName)
    .output(Model),
  versions: procedure('model.read', {
    method: 'GET',
    path: '/models/{name}/versions',
    summary: 'All versions, newest first',
    tags: ['storage'],
  })
    .input(ByName.extend(ShortListQuery.shape))
    .output(pageOf(ModelVersion)),
  version: procedure('model.read', {
    method: 'GET',
    path: '/models/{name}/versions/{version}',
    summary: 'One version: signature, files, metadata',
    tags: ['storage'],
  })
    .input(ByVersion)
    .output(ModelVersion),
  removeVersion: procedure('model.manage', {
    method: 'DELETE',
    path: '/models/{name}/versions/{version}',
    successStatus: 204,
    summary: 'Delete a version that nothing needs',
    tags: ['storage'],
  }).input(ByVersion),
  update: procedure('model.manage', {
    method: 'PATCH',
    path: '/models/{name}',
    summary: 'Change the family or the version policy',
    tags: ['storage'],
  })
    .input(
      ByName.extend({
        family: z.string().trim().min(1).max(64).nullable().optional(),
        policy: VersionPolicy.optional(),
      }).strict(),
    )
    .output(Model),
  annotate: procedure('model.manage', {
    method: 'PATCH',
    path: '/models/{name}/versions/{version}',
    summary: 'Change notes, tags or the architecture of a version',
    tags: ['storage'],
  })
    .input(ByVersion.extend(VersionNotes.partial().shape).strict())
    .output(ModelVersion),
  tensors: procedure('model.read', {
    method: 'GET',
    path: '/models/{name}/versions/{version}/tensors',
    summary: 'The weights by name, type and shape',
    tags: ['storage'],
  })
    .input(ByVersion.extend(PageQuery.shape))
    .output(pageOf(TensorInfo)),
  benchmarks: procedure('model.read', {
    method: 'GET',
    path: '/models/{name}/benchmarks',
    summary: 'Benchmarks of all versions, newest first',
    tags: ['storage'],
  })
    .input(ByName.extend(ShortListQuery.shape))
    .output(pageOf(VersionBenchmark)),
  lineage: procedure('model.read', {
    method: 'GET',
    path: '/models/{name}/lineage',
    summary: 'What its versions came from and what came from them',
    tags: ['storage'],
  })
    .input(ByName)
    .output(LineageGraph),
  setAlias: procedure('model.manage', {
    method: 'PUT',
    path: '/models/{name}/aliases/{alias}',
    summary: 'Point an alias to a version',
    tags: ['storage'],
  })
    .input(
      ByName.extend({
        alias: AliasName,
        version: VersionNumber,
        reason: z.string().max(500).optional(),
      }).strict(),
    )
    .output(Alias),
  setCanary: procedure('model.manage', {
    method: 'PATCH',
    path: '/models/{name}/aliases/{alias}',
    summary: 'Split the traffic of an alias between two versions, or stop it (null)',
    tags: ['storage'],
  })
    .input(
      ByName.extend({
        alias: AliasName,
        canary: CanaryPlan.nullable(),
        reason: z.string().max(500).optional(),
      }).strict(),
    )
    .output(Alias),
  promoteCanary: procedure('model.manage', {
    method: 'POST',
    path: '/models/{name}/aliases/{alias}/promote',
    summary: 'Point the alias to its canary',
    tags: ['storage'],
  })
    .input(ByName.extend({ alias: AliasName }))
    .output(Alias),
  rollBack: procedure('model.manage', {
    method: 'POST',
    path: '/models/{name}/aliases/{alias}/rollback',
    summary: 'Point the alias to the version it pointed to before',
    tags: ['storage'],
  })
    .input(ByName.extend({ alias: AliasName, reason: z.string().max(500).optional() }).strict())
    .output(Alias),
  removeAlias: procedure('model.manage', {
    method: 'DELETE',
    path: '/models/{name}/aliases/{alias}',
    successStatus: 204,
    summary: 'Remove an alias',
    tags: ['storage'],
  }).input(ByName.extend({ alias: AliasName })),
  diff: procedure('model.read', {
    method: 'GET',
    path: '/models/{name}/diff',
    summary: 'What changed between two versions',
    tags: ['storage'],
  })
    .input(ByName.extend({ from: VersionNumber, to: VersionNumber }))
    .output(ModelDiff),
  watch: procedure('model.list', {
    method: 'GET',
    path: '/events/models',
    summary: 'Models as they change',
    tags: ['storage'],
  }).output(eventIterator(feedOf(ModelSummary))),
}
