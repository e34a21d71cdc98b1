import type { Job } from '@shared/contract'
import { useMemo, useState } from 'react'
import { getClient } from '../../lib/client'
import { useJobs } from '../../lib/stores'
import { type Asked, useAsked } from './use-asked'

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
  const { value, error, again } = useAsked(live === null ? ask : null)
  return { job: live ?? value ?? (seen?.id === id ? seen : null), error, again }
}

/** A job that this window has submitted, as it stands now. */
export function useSubmittedJob<Submitted extends Job | null>(submitted: Submitted): Job | Submitted {
  const id = submitted?.id ?? null
  const live = useJobs((state) => (id === null ? undefined : state.items.get(id)))
  return useJob(id, live ?? null).job ?? submitted
}
