import type { Job } from '@shared/contract'
import { useMemo, useState } from 'react'
import { getClient } from '../../lib/client'
import { useJobs } from '../../lib/stores'
import { type Asked, useAsked } from './use-asked'

/** So often a job far back in the queue is asked why it waits: its turn comes closer with each that starts. */
const REASON_EVERY_MS = 5_000

/** Whether a live job stands so far back in the queue that the feed does not say why it waits: only who asks for it is told. */
export function standsFarBack({ queuedSince, waitCauses }: Job): boolean {
  return queuedSince !== null && waitCauses.some(({ kind }) => kind === 'turn')
}

/** A live job with the reason and the estimate of the answer about it, where both still say that it waits for its turn. */
export function withReason(live: Job, answer: Job | null): Job {
  if (answer === null || answer.queuedSince === null || !standsFarBack(live)) return live
  const { waitCauses, waitReason, estimate, estimateMs, expectedAt } = answer
  return { ...live, waitCauses, waitReason, estimate, estimateMs, expectedAt }
}

/**
 * A job that is `live` while the window follows it. Many others that end push it out of what is followed, perhaps before
 * its own end was seen: then it is asked for, and stays as it was last seen until that is answered. A null `id` is no job.
 */
export function useJob(
  id: string | null,
  live: Job | null,
): { job: Job | null } & Pick<Asked<Job>, 'error' | 'again'> {
  const [seen, setSeen] = useState(live)
  if (live !== null && live !== seen) setSeen(live)
  const ask = useMemo(
    () => (id === null ? null : (signal: AbortSignal) => getClient().compute.jobs.get({ id }, { signal })),
    [id],
  )
  const farBack = live !== null && standsFarBack(live)
  const asked = useAsked(live === null || farBack ? ask : null, farBack ? REASON_EVERY_MS : null)
  const { value, again } = asked
  const job = useMemo(() => live && withReason(live, value), [live, value])
  // Of one that is live all but the reason is known.
  const error = live === null ? asked.error : null
  return { job: job ?? value ?? (seen?.id === id ? seen : null), error, again }
}

/** A job that this window has submitted, as it stands now. */
export function useSubmittedJob<Submitted extends Job | null>(submitted: Submitted): Job | Submitted {
  const id = submitted?.id ?? null
  const live = useJobs((state) => (id === null ? undefined : state.items.get(id)))
  return useJob(id, live ?? null).job ?? submitted
}
