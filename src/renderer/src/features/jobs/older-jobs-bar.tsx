import { Button } from '@mantine/core'
import { MOST_ENDED_LIVE } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import classes from './jobs.module.css'
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
  return (
    <div className={classes['older']}>
      <span role="status">{error ? error.message : words}</span>
      {hasMore && (
        // Not disabled while it loads: it keeps the focus.
        <Button size="compact-sm" variant="default" aria-busy={loading} onClick={older.loadMore}>
          {loading ? t('older.loading') : t('older.load')}
        </Button>
      )}
    </div>
  )
}
