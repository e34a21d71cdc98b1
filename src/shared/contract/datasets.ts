import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { ModelName, VersionNumber } from '../domain/references'
import { DTYPES, JsonTensor } from '../domain/tensor'
import { feedOf, Id, PageQuery, pageOf, procedure, ShortListQuery, Time } from './base'
import { Finding } from './imports'
import { Lineage, LineageGraph } from './lineage'
import { ModelFile } from './models'

export const DatasetFormat = z.enum(['csv', 'jsonl', 'parquet', 'npy', 'images'])
export type DatasetFormat = z.infer<typeof DatasetFormat>

export const ColumnType = z.enum(['integer', 'number', 'boolean', 'string', 'json', 'tensor', 'image'])
export type ColumnType = z.infer<typeof ColumnType>

/**
 * A column and what its values are like; of numbers the moments are exact, the bins come from a sample of 10,000, or fewer in
 * wide tables.
 */
export const Column = z.object({
  name: z.string(),
  type: ColumnType,
  nulls: z.number().int(),
  /** Different values; null when there are more than 10,000, or too many in all columns together. */
  distinct: z.number().int().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  mean: z.number().nullable(),
  deviation: z.number().nullable(),
  /** Equally wide, from `min` to `max`. */
  bins: z.array(z.number()),
  /** The most frequent values, of columns that are no numbers. */
  top: z.array(z.object({ value: z.string(), count: z.number().int() })),
  /** Of one row, when every row is a tensor of one shape. */
  shape: z.array(z.number().int()).nullable(),
})
export type Column = z.infer<typeof Column>

export const DatasetVersion = z.object({
  dataset: ModelName,
  version: z.number().int(),
  digest: z.string(),
  sizeBytes: z.number(),
  format: DatasetFormat,
  rows: z.number().int(),
  columns: z.array(Column),
  files: z.array(ModelFile),
  lineage: Lineage,
  findings: z.array(Finding),
  createdAt: Time,
  createdBy: Id,
})
export type DatasetVersion = z.infer<typeof DatasetVersion>

export const DatasetSummary = z.object({
  /** The same as `name`: what lists key by. */
  id: z.string(),
  name: ModelName,
  latest: z.number().int(),
  format: DatasetFormat,
  sizeBytes: z.number(),
  rows: z.number().int(),
  versions: z.array(z.number().int()),
  updatedAt: Time,
})
export type DatasetSummary = z.infer<typeof DatasetSummary>

/** A value of a row: texts longer than 2,000 characters are cut; images are their path within the data set. */
export const Cell = z.union([z.string(), z.number(), z.boolean(), z.null(), JsonTensor])
export type Cell = z.infer<typeof Cell>

/** A tensor of which only the first elements were asked for; int64 beyond 2^53 and what is not finite as text. */
export const TensorHead = z
  .object({
    dtype: z.enum(DTYPES),
    shape: z.array(z.number().int().nonnegative()),
    head: z.array(z.union([z.number(), z.string(), z.boolean()])),
  })
  .strict()
export type TensorHead = z.infer<typeof TensorHead>

export const ShownCell = z.union([...Cell.options, TensorHead])
export type ShownCell = z.infer<typeof ShownCell>

export const RowPage = z.object({
  offset: z.number().int(),
  total: z.number().int(),
  items: z.array(z.record(z.string(), ShownCell)),
})
export type RowPage = z.infer<typeof RowPage>

const ByName = z.object({ name: ModelName })
const ByVersion = ByName.extend({ version: VersionNumber })

/** Data sets are imported as models are: what they are is seen from their content. */
export const datasetsContract = {
  list: procedure('dataset.list', {
    method: 'GET',
    path: '/datasets',
    summary: 'Data sets with their versions',
    tags: ['storage'],
  })
    .input(PageQuery)
    .output(pageOf(DatasetSummary)),
  get: procedure('dataset.read', {
    method: 'GET',
    path: '/datasets/{name}',
    summary: 'A data set',
    tags: ['storage'],
  })
    .input(ByName)
    .output(DatasetSummary),
  versions: procedure('dataset.read', {
    method: 'GET',
    path: '/datasets/{name}/versions',
    summary: 'All versions, newest first',
    tags: ['storage'],
  })
    .input(ByName.extend(ShortListQuery.shape))
    .output(pageOf(DatasetVersion)),
  version: procedure('dataset.read', {
    method: 'GET',
    path: '/datasets/{name}/versions/{version}',
    summary: 'One version: columns with their statistics, files, lineage',
    tags: ['storage'],
  })
    .input(ByVersion)
    .output(DatasetVersion),
  rows: procedure('dataset.read', {
    method: 'GET',
    path: '/datasets/{name}/versions/{version}/rows',
    summary: 'Some rows',
    description:
      'Fewer than `limit` where they are large or have many columns: go on after those that came. With `tensors=short` a tensor of more than 1,024 elements comes as its first eight, in `head`.',
    tags: ['storage'],
  })
    .input(
      ByVersion.extend({
        offset: z.coerce.number().int().min(0).default(0),
        limit: z.coerce.number().int().min(1).max(1000).default(100),
        tensors: z.enum(['whole', 'short']).default('whole'),
      }),
    )
    .output(RowPage),
  image: procedure('dataset.read', {
    method: 'GET',
    path: '/datasets/{name}/versions/{version}/image',
    summary: 'An image of a data set, up to 8 MiB',
    tags: ['storage'],
  })
    .input(ByVersion.extend({ path: z.string().max(1024) }))
    .output(z.object({ mediaType: z.string(), base64: z.string() })),
  removeVersion: procedure('dataset.manage', {
    method: 'DELETE',
    path: '/datasets/{name}/versions/{version}',
    successStatus: 204,
    summary: 'Delete a version that nothing needs',
    tags: ['storage'],
  }).input(ByVersion),
  lineage: procedure('dataset.read', {
    method: 'GET',
    path: '/datasets/{name}/lineage',
    summary: 'What its versions came from and what came from them',
    tags: ['storage'],
  })
    .input(ByName)
    .output(LineageGraph),
  watch: procedure('dataset.list', {
    method: 'GET',
    path: '/events/datasets',
    summary: 'Data sets as they change',
    tags: ['storage'],
  }).output(eventIterator(feedOf(DatasetSummary))),
}
