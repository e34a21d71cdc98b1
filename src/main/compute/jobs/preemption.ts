import type { Named, WaitCauseOf } from '../../../shared/contract'
import type { ActiveJob } from './active-job'
import type { JobDefinition, JobParameters, JobStatus, Preempted } from './job-row'

/** How a job that runs makes room: it goes on where it was, or begins anew; null: it does not. */
export function pauseOf({ parameters, preemptible }: JobDefinition): 'checkpoint' | 'restart' | null {
  if (!preemptible || parameters.kind === 'benchmark') return null
  return canGoOn(parameters) ? 'checkpoint' : 'restart'
}

/** Whether it goes on later where it was. */
export function canGoOn({ kind }: JobParameters): boolean {
  return kind === 'generate' || kind === 'batch' || kind === 'synthetic'
}

/** Whether what it has done is stored piece by piece: a budget that is used up then interrupts it, and ends all others. */
export function keepsItems({ kind }: Pick<JobDefinition, 'kind'>): boolean {
  return kind === 'batch'
}

/** The part of a job, 0 to 1, that need not be done again. What a language model has written is not known here. */
export function partDone(
  { parameters, items }: JobDefinition,
  { itemsDone, preempted }: Pick<JobStatus, 'itemsDone' | 'preempted'>,
): number {
  if (parameters.kind === 'batch') return itemsDone / items
  if (parameters.kind !== 'synthetic' || !preempted || parameters.durationMs === 0) return 0
  return Math.min(1, preempted.ranMs / parameters.durationMs)
}

/** What is to be remembered of a job whose attempt was interrupted after it had run so long. */
export function interrupted(
  { definition, status }: ActiveJob,
  ranMs: number,
  by: Named | null,
): Preempted | null {
  const before = status.preempted ?? { times: 0, ranMs: 0 }
  const counts = definition.parameters.kind === 'synthetic'
  const after = {
    times: before.times + (by === null ? 0 : 1),
    by,
    ranMs: counts ? before.ranMs + ranMs : 0,
  }
  return after.times === 0 && after.ranMs === 0 ? null : after
}

/** By whom a job that waits was preempted, and where it goes on; null for one that waits for other reasons. */
export function preemptedCause({ definition, status }: ActiveJob): WaitCauseOf<'preempted'> | null {
  const by = status.preempted?.by
  return by ? { kind: 'preempted', by, resumption: resumptionOf(definition, status) } : null
}

function resumptionOf(
  { parameters, items }: JobDefinition,
  { itemsDone, preempted }: JobStatus,
): WaitCauseOf<'preempted'>['resumption'] {
  switch (parameters.kind) {
    case 'batch':
      return { from: 'item', item: itemsDone + 1, items }
    case 'synthetic':
      return { from: 'time', ranMs: preempted?.ranMs ?? 0, durationMs: parameters.durationMs }
    default:
      return { from: canGoOn(parameters) ? 'where_it_was' : 'beginning' }
  }
}
