import { z } from 'zod'
import { ModelName } from '../../../shared/domain/references'

/** The first entry of an exported version; the files of the version lie beside it under {@link FILES}. */
export const MANIFEST = 'manifest.json'
export const FILES = 'files'

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const Origin = z
  .array(z.object({ name: ModelName, version: z.number().int().positive(), digest: Sha256 }))
  .max(1_000)

/** What an exported version says of itself: enough to be the same version elsewhere, byte by byte. */
export const Manifest = z.object({
  format: z.literal('llmagentos-version/1'),
  kind: z.enum(['model', 'dataset']),
  name: ModelName,
  /** Its number where it came from; elsewhere it gets the next one. */
  version: z.number().int().positive(),
  digest: Sha256,
  files: z
    .array(
      z.object({ path: z.string().max(1024), digest: Sha256, sizeBytes: z.number().int().nonnegative() }),
    )
    .min(1)
    .max(100_000),
  family: z.string().max(100).nullable().default(null),
  notes: z
    .object({ notes: z.string().max(20_000), tags: z.array(z.string().max(50)).max(50) })
    .default({ notes: '', tags: [] }),
  /** What it was made from; versions elsewhere have other numbers, so the digest says what is meant. */
  madeFrom: z.object({ models: Origin, datasets: Origin }).default({ models: [], datasets: [] }),
  /** In whose graph bare weights run; elsewhere it has another number, so the digest says what is meant. */
  architecture: z.object({ name: ModelName, digest: Sha256 }).nullable().default(null),
  createdAt: z.string().max(40),
})
export type Manifest = z.infer<typeof Manifest>
export type ArchivedOrigins = Manifest['madeFrom']
