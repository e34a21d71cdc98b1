import { MOST_ENDED_LIVE } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { ListFoot } from '../../components'
import type { OlderJobs } from './use-older-jobs'

/** Below the list: that it does not hold every job, and the way to the others. */
export function OlderJobsBar({ older }: { older: OlderJobs }) {
  const { t } = useTranslation('jobs')
  const { loaded, hasMore, loading, error } = older
  if (loaded === 0 && !hasMore) return null
  const words = hasMore
    ? loaded === 0
      ? t('older.only', { count: MOST_ENDED_LIVE })
      : t('older.loaded', { count: loaded })
    : t('older.all', { count: loaded })
  const label = loading ? t('older.loading') : t('older.load')
  const more = hasMore ? { label, loading, load: older.loadMore } : null
  return <ListFoot words={error ? error.message : words} more={more} />
}
