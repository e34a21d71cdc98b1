import { useTranslation } from 'react-i18next'
import type { Action } from '../../../shared/domain/actions'
import { getClient } from './client'
import { isDenied } from './errors'
import { useRights } from './stores'

type Rights = ReadonlySet<Action>

/** What one may do with a model or a data set; null where that cannot be asked. */
export async function rightsOver(
  of: { model: string } | { dataset: string },
  signal: AbortSignal,
): Promise<Rights | null> {
  try {
    return new Set((await getClient().security.rights(of, { signal })).actions)
  } catch {
    // Then all is offered: what counts is the system's own decision.
    return null
  }
}

/** How a control is offered: as it is, or disabled with the reason. */
export interface Offer {
  disabled: boolean
  title?: string
}

/** @param rights null while they are not known: then all is offered */
export function useOffer(action: Action, rights: Rights | null): Offer {
  const { t } = useTranslation('common')
  const may = rights === null || rights.has(action)
  return may ? { disabled: false } : { disabled: true, title: t('noRight') }
}

/** {@link useOffer} for what concerns the machine as a whole. */
export function useMachineOffer(action: Action): Offer {
  return useOffer(
    action,
    useRights((state) => state.value),
  )
}

/**
 * Whether one sees the jobs of everybody, and not only one's own beside figures that are of all; so while it is not known. Who
 * may not even ask what they may do sees their own.
 */
export function useSeesJobsOfAll(): boolean {
  return useRights(({ value, error }) => value?.has('job.read') ?? !(error && isDenied(error)))
}

/** Whether one sees the leases of everybody. */
export function useSeesLeasesOfAll(): boolean {
  const seesJobs = useSeesJobsOfAll()
  const isRead = useRights(({ value }) => value?.has('lease.read') ?? true)
  return seesJobs && isRead
}
