import { z } from 'zod'
import type { MadeFrom } from '../../../shared/contract'
import { DatasetCandidate } from '../datasets/datasets'
import type { ConfirmedAs } from '../index'
import { Candidate } from '../versions'

/** What becomes a version. */
export const AnyCandidate = z.discriminatedUnion('kind', [Candidate, DatasetCandidate])
export type AnyCandidate = z.infer<typeof AnyCandidate>

/** What the suggestion of an import follows from: a few words of its candidate, which may have megabytes. */
export interface Proposal {
  kind: AnyCandidate['kind']
  name: string
  digest: string
  /** The number that was asked for. */
  version: number | null
  family: string | null
}

export function nameOf(candidate: AnyCandidate): string {
  return candidate.kind === 'model' ? candidate.model : candidate.name
}

export function proposalOf(candidate: AnyCandidate): Proposal {
  const { kind, digest, version } = candidate
  const family = candidate.kind === 'model' ? candidate.family : null
  return { kind, name: nameOf(candidate), digest, version, family }
}

/** As a person has confirmed it. */
export function confirmed(candidate: AnyCandidate, change: ConfirmedAs): AnyCandidate {
  const before = nameOf(candidate)
  const { name = before, family, madeFrom } = change
  const said = {
    // A number is one of a name: under another, the one that was asked for means nothing.
    version: change.version ?? (name === before ? candidate.version : null),
    ...(madeFrom && { madeFrom: united(candidate.madeFrom, madeFrom) }),
  }
  if (candidate.kind === 'dataset') return { ...candidate, ...said, name }
  return { ...candidate, ...said, model: name, ...(family !== undefined && { family }) }
}

function united(first: MadeFrom, second: MadeFrom): MadeFrom {
  return {
    models: [...new Set([...first.models, ...second.models])],
    datasets: [...new Set([...first.datasets, ...second.datasets])],
    job: second.job ?? first.job,
  }
}
