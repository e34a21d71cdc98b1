import type { Job } from '@shared/contract'
import { IconMoodEmpty } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { EmptyState, ErrorState } from '../../components'
import { isDenied } from '../../lib/errors'
import { JobDetail } from './job-detail'
import { useJob } from './use-job'

/** The detail of the job a link names: live where the window follows it, asked for where it is older. */
export function JobDetailPanel({ id, live }: { id: string; live: Job | null }) {
  const { t } = useTranslation('jobs')
  const { job, error, again } = useJob(id, live)
  if (error?.code === 'compute.not_found') {
    return <EmptyState icon={IconMoodEmpty} title={t('detail.gone')} text={t('detail.goneText')} />
  }
  if (error && (!job || isDenied(error))) return <ErrorState error={error} onRetry={again} />
  return job ? <JobDetail job={job} /> : <div>{t('loading')}</div>
}
