import type { Job } from '@shared/contract'
import { IconMoodEmpty } from '@tabler/icons-react'
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { EmptyState, ErrorState } from '../../components'
import { getClient } from '../../lib/client'
import { JobDetail } from './job-detail'
import { useAsked } from './use-asked'

/** The detail of the job a link names: live where the window follows it, asked for where it is older. */
export function JobDetailPanel({ id, live }: { id: string; live: Job | null }) {
  const { t } = useTranslation('jobs')
  const ask = useCallback((signal: AbortSignal) => getClient().compute.jobs.get({ id }, { signal }), [id])
  const { value, error, again } = useAsked(live ? null : ask)
  const job = live ?? value
  if (job) return <JobDetail job={job} />
  if (error?.code === 'compute.not_found') {
    return <EmptyState icon={IconMoodEmpty} title={t('detail.gone')} text={t('detail.goneText')} />
  }
  return error ? <ErrorState error={error} onRetry={again} /> : <div>{t('loading')}</div>
}
