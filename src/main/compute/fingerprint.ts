import { createHash } from 'node:crypto'
import type { StagedArtifact } from '../storage'
import type { JobDefinition } from './jobs/job-row'

/** Kinds whose result follows from what they are given; a generated text with its seed. */
const REPEATABLE: ReadonlySet<JobDefinition['kind']> = new Set(['infer', 'batch', 'generate'])

/**
 * SHA-256 of all that the result of a job follows from: the bytes of the model, the code that runs it, the parameters, the inputs, and for what
 * other jobs give, of what those follow from. Null where a result may be another next time.
 * @param modelDigest of the version
 * @param code as the executor's `codeFor`
 * @param inputs as they are stored
 * @param ofJob the fingerprint of another job
 */
export function fingerprintOf(
  { kind, parameters, links }: Pick<JobDefinition, 'kind' | 'parameters' | 'links'>,
  modelDigest: string | null,
  code: string | null,
  inputs: readonly { name: string; staged: StagedArtifact }[],
  ofJob: (id: string) => string | null,
): string | null {
  if (!REPEATABLE.has(kind)) return null
  const given = links.map(({ job, ...link }) => ({ ...link, from: ofJob(job) }))
  if (given.some(({ from }) => from === null)) return null
  // How many threads compute it, how soon, and where its rows came from does not change what comes out.
  const unimportant = { threads: undefined, latencyTargetMs: undefined, dataset: null }
  const decisive = { ...parameters, ...unimportant }
  const stored = inputs.map(({ name, staged }) => [name, staged.digest ?? digestOf(staged.inline)])
  return digestOf(JSON.stringify([modelDigest, code, decisive, stored, given]))
}

function digestOf(bytes: Uint8Array | string | null): string {
  return createHash('sha256')
    .update(bytes ?? '')
    .digest('hex')
}
