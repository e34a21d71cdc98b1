import { z } from 'zod'
import { listOf } from '../domain/bounded'
import { DatasetReference, ModelReference } from '../domain/references'
import { Id } from './base'

/** What a version was made from, and by what. */
export const Lineage = z.object({
  /** What was dropped, uploaded or downloaded; a Hub address begins with `hub:`. */
  source: z.string(),
  import: Id.nullable(),
  /** `name@version` of the models it was made from. */
  models: z.array(z.string()),
  /** `name@version` of the data sets it was made from. */
  datasets: z.array(z.string()),
  job: Id.nullable(),
})
export type Lineage = z.infer<typeof Lineage>

/** What somebody says a version was made from: versions that are here, which the caller may read. */
export const MadeFrom = z
  .object({
    models: listOf(ModelReference, { max: 100 }).default([]),
    datasets: listOf(DatasetReference, { max: 100 }).default([]),
    /** The job that made it. */
    job: Id.nullable().default(null),
  })
  .strict()
export type MadeFrom = z.infer<typeof MadeFrom>

/** What a model or data set came from and what came from it. */
export const LineageGraph = z.object({
  nodes: z.array(
    z.object({
      /** `model:NAME@V`, `dataset:NAME@V`, `job:ID`, `source:TEXT`. */
      id: z.string(),
      kind: z.enum(['model', 'dataset', 'job', 'source']),
      label: z.string(),
    }),
  ),
  edges: z.array(z.object({ from: z.string(), to: z.string() })),
})
export type LineageGraph = z.infer<typeof LineageGraph>
