import type { Job } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { useNow } from '../../lib/clock'
import { formatDuration } from '../../lib/format'

/** When a job is expected to start, or to go on, with its bounds, in a sentence. */
export function useStartWords(): (job: Pick<Job, 'estimate' | 'preemptions'>) => string {
  const { t } = useTranslation('timeline')
  const nowMs = useNow()
  return ({ estimate, preemptions }) => {
    if (!estimate) return t('startUnknown')
    const inWords = (at: string) => formatDuration(Math.max(0, Date.parse(at) - nowMs))
    return t(preemptions > 0 ? 'goesOnIn' : 'startsIn', {
      time: inWords(estimate.startsAt),
      from: inWords(estimate.earliest),
      to: inWords(estimate.latest),
    })
  }
}
