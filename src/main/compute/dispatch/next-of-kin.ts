import type { PrincipalId } from '../../../shared/domain/ids'
import type { Core } from '../../core'
import type { ActiveJob } from '../jobs/active-job'
import type { JobIndex } from '../jobs/job-index'
import type { UrgencyOf } from '../schedule/heads'
import { chargeOf, usedUpFor } from '../schedule/share'

export interface Waiting {
  core: Core
  index: JobIndex
  /** The planner's order between classes, as of its last turn. */
  urgencyOf: UrgencyOf
}

/**
 * Jobs that are next of all and may share the place of `job`, in their order: from the queue or, when nobody queues, from
 * the line. Whom quota or budget keeps from starting is passed over, as the planner does; anyone else is not.
 * @param line jobs that are not in the queue yet
 * @param memoryBytes of the engine, which counts for those who use it
 */
export function* nextOfKin(
  job: ActiveJob,
  line: Iterable<ActiveJob>,
  memoryBytes: number,
  { core, index, urgencyOf }: Waiting,
): Iterable<ActiveJob> {
  const admitted = new Set<PrincipalId>([job.definition.principal])
  const isKept = (one: ActiveJob) => {
    const { need, principal } = one.definition
    // Jobs of one principal that share a place hold it once; a budget may be used up meanwhile.
    if (one.kinKey === job.kinKey && admitted.has(principal))
      return usedUpFor(need, core.limitsOf(principal)?.usedUp ?? []) !== undefined
    const load = one.kinKey === job.kinKey ? { memoryBytes } : index.classOf(one)?.load
    return !core.mayHold(load ? chargeOf({ need, load }) : need, principal)
  }
  for (const next of index.hasQueue ? index.inOrder(urgencyOf, isKept) : line) {
    if (!index.hasQueue && isKept(next)) continue
    // Who must not be interrupted does not share a place that may be taken away.
    if (next.kinKey !== job.kinKey || (job.definition.preemptible && !next.definition.preemptible)) return
    admitted.add(next.definition.principal)
    yield next
  }
}
