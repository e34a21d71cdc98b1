import type { Job, StartEstimate } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { useNow } from '../../lib/clock'
import { formatDuration } from '../../lib/format'

function boundsIn({ startsAt, earliest, latest }: StartEstimate, nowMs: number) {
  const inWords = (at: string) => formatDuration(Math.max(0, Date.parse(at) - nowMs))
  return { time: inWords(startsAt), from: inWords(earliest), to: inWords(latest) }
}

/** When a job is expected to start, or to go on, with its bounds, in a sentence. */
export function useStartWords(): (job: Pick<Job, 'estimate' | 'preemptions'>) => string {
  const { t } = useTranslation('timeline')
  const nowMs = useNow()
  return ({ estimate, preemptions }) => {
    if (!estimate) return t('startUnknown')
    return t(preemptions > 0 ? 'goesOnIn' : 'startsIn', boundsIn(estimate, nowMs))
  }
}

/** The same in a few words, under a heading that says what it is. */
export function useShortStart(estimate: StartEstimate | null): string {
  const { t } = useTranslation('timeline')
  const nowMs = useNow()
  return estimate ? t('startSoon', boundsIn(estimate, nowMs)) : t('startUnknown')
}
