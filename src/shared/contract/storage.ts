import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { AliasName, ModelName, VersionNumber } from '../domain/references'
import { Signature, TensorSpec } from '../domain/tensor'
import { ErrorBody, feedOf, Id, PageQuery, pageOf, procedure, Time } from './base'

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

export const Finding = z.object({
  severity: z.enum(['info', 'warn', 'reject']),
  code: z.string(),
  message: z.string(),
  file: z.string(),
})
export type Finding = z.infer<typeof Finding>

export const Import = z.object({
  id: Id,
  state: z.enum(['running', 'waiting', 'completed', 'rejected', 'failed', 'cancelled']),
  /** What the person dropped, for display. */
  source: z.string(),
  bytesDone: z.number(),
  bytesTotal: z.number(),
  verdict: z.enum(['accept', 'warn', 'reject']).nullable(),
  findings: z.array(Finding),
  /** Set when completed. */
  model: z.string().nullable(),
  version: z.number().nullable(),
  /** True when the bytes were already that version: nothing new was stored. */
  known: z.boolean(),
  error: ErrorBody.nullable(),
  createdAt: Time,
  finishedAt: Time.nullable(),
  createdBy: Id,
})
export type Import = z.infer<typeof Import>

/** One tensor of a model's weights; `dtype` in the words of its format, such as `float32` or `Q4_K`. */
export const TensorInfo = z.object({
  name: z.string(),
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()),
})
export type TensorInfo = z.infer<typeof TensorInfo>

export const ModelFile = z.object({ path: z.string(), digest: z.string(), sizeBytes: z.number() })
export type ModelFile = z.infer<typeof ModelFile>

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
  lineage: z.object({ source: z.string(), import: Id.nullable() }),
  findings: z.array(Finding),
  aliases: z.array(z.string()),
  createdAt: Time,
  createdBy: Id,
})
export type ModelVersion = z.infer<typeof ModelVersion>

export const Alias = z.object({ alias: AliasName, version: z.number().int(), setAt: Time, setBy: Id })
export type Alias = z.infer<typeof Alias>
export const AliasChange = z.object({
  alias: AliasName,
  /** Null: the alias was made, or removed. */
  from: z.number().int().nullable(),
  to: z.number().int().nullable(),
  at: Time,
  by: Id,
})
export type AliasChange = z.infer<typeof AliasChange>

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
})
export type ModelDiff = z.infer<typeof ModelDiff>

export const StorageUsage = z.object({
  blobs: z.number(),
  blobBytes: z.number(),
  diskFreeBytes: z.number(),
  diskTotalBytes: z.number(),
})
export type StorageUsage = z.infer<typeof StorageUsage>

const ByName = z.object({ name: ModelName })
const ByVersion = ByName.extend({ version: VersionNumber })

/** Uploads (multipart) and file downloads stream outside this contract, in `rpc/transports/rest.ts`, with the same authorisation. */
export const storageContract = {
  imports: {
    start: procedure('model.import_path', {
      method: 'POST',
      path: '/imports',
      successStatus: 202,
      summary: 'Import a model from a path of this machine (owner only), or multipart files',
      tags: ['storage'],
    })
      .input(z.object({ path: z.string().min(1).max(4096), name: ModelName.optional() }).strict())
      .output(Import),
    list: procedure('model.list', {
      method: 'GET',
      path: '/imports',
      summary: 'Imports, newest first',
      tags: ['storage'],
    })
      .input(PageQuery)
      .output(pageOf(Import)),
    get: procedure('model.list', {
      method: 'GET',
      path: '/imports/{id}',
      summary: 'Progress and outcome of an import',
      tags: ['storage'],
    })
      .input(z.object({ id: Id }))
      .output(Import),
    cancel: procedure('model.import', {
      method: 'DELETE',
      path: '/imports/{id}',
      summary: 'Cancel an import',
      tags: ['storage'],
    })
      .input(z.object({ id: Id }))
      .output(Import),
    confirm: procedure('model.import', {
      method: 'POST',
      path: '/imports/{id}/confirm',
      summary: 'Accept the warnings of a waiting import',
      tags: ['storage'],
    })
      .input(z.object({ id: Id }))
      .output(Import),
    watch: procedure('model.list', {
      method: 'GET',
      path: '/events/imports',
      summary: 'Imports as they change',
      tags: ['storage'],
    }).output(eventIterator(feedOf(Import))),
  },
  models: {
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
      summary: 'A model and the history of its aliases',
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
      .input(ByName)
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
    setAlias: procedure('model.manage', {
      method: 'PUT',
      path: '/models/{name}/aliases/{alias}',
      summary: 'Point an alias to a version',
      tags: ['storage'],
    })
      .input(ByName.extend({ alias: AliasName, version: VersionNumber }).strict())
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
  },
  usage: procedure('model.list', {
    method: 'GET',
    path: '/storage',
    summary: 'Bytes stored and free',
    tags: ['storage'],
  }).output(StorageUsage),
  verify: procedure('storage.maintain', {
    method: 'POST',
    path: '/storage/verify',
    summary: 'Check every digest',
    tags: ['storage'],
  }).output(
    z.object({
      checked: z.number(),
      checkedBytes: z.number(),
      damaged: z.array(z.string()),
      missing: z.array(z.string()),
    }),
  ),
  gc: procedure('storage.maintain', {
    method: 'POST',
    path: '/storage/gc',
    summary: 'Free what nothing names',
    tags: ['storage'],
  }).output(z.object({ removed: z.number(), freedBytes: z.number() })),
}
