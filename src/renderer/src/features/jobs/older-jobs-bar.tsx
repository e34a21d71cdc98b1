import { useTranslation } from 'react-i18next'
import { ListFoot } from '../../components'
import type { OlderJobs } from './use-older-jobs'

/** Below the list: that it does not hold every job, and the way to the others. */
export function OlderJobsBar({ older }: { older: OlderJobs }) {
  const { t } = useTranslation('jobs')
  const { loaded, endedLive, hasMore, loading, error } = older
  const comesByItself = endedLive === 0 && !error
  if (loaded === 0 && (!hasMore || comesByItself)) return null
  const words = hasMore
    ? loaded === 0
      ? t('older.only', { count: endedLive })
      : t('older.loaded', { count: loaded })
    : t('older.all', { count: loaded })
  const label = loading ? t('older.loading') : t('older.load')
  const more = hasMore ? { label, loading, load: older.loadMore } : null
  return <ListFoot words={error ? error.message : words} more={more} />
}
