import type { StartEstimate } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { useNow } from '../../lib/clock'
import { formatDuration } from '../../lib/format'

/** When a job is expected to start, with its bounds, in a sentence. */
export function useStartWords(): (estimate: StartEstimate | null) => string {
  const { t } = useTranslation('timeline')
  const nowMs = useNow()
  return (estimate) => {
    if (!estimate) return t('startUnknown')
    const inMs = (at: string) => Math.max(0, Date.parse(at) - nowMs)
    return t('startsIn', {
      time: formatDuration(inMs(estimate.startsAt)),
      from: formatDuration(inMs(estimate.earliest)),
      to: formatDuration(inMs(estimate.latest)),
    })
  }
}
