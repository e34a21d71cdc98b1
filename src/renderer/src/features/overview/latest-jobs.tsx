import type { Job } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Panel, VirtualTable } from '../../components'
import { usePrincipalNames } from '../../lib/principal-names'
import { navigate, pathTo, RouteLink } from '../../lib/router'
import { useDevices, useJobs } from '../../lib/stores'
import { JobMenuItems, jobColumns } from '../jobs'
import classes from './overview.module.css'

const SHOWN = 8

/** What is under way first, then what ended last; at most `SHOWN`. */
export function latestJobs(jobs: Iterable<Job>): Job[] {
  const rank = (job: Job) => (job.state === 'running' ? 0 : isTerminal(job.state) ? 2 : 1)
  const key = (job: Job) => job.finishedAt ?? job.startedAt ?? job.createdAt
  return [...jobs].sort((a, b) => rank(a) - rank(b) || (key(a) < key(b) ? 1 : -1)).slice(0, SHOWN)
}

export function LatestJobs() {
  const { t } = useTranslation('overview')
  const { t: tJobs } = useTranslation('jobs')
  const items = useJobs((state) => state.items)
  const ready = useJobs((state) => state.ready)
  const error = useJobs((state) => state.error)
  const devices = useDevices((state) => state.items)
  const nameOf = usePrincipalNames()
  const jobs = useMemo(() => latestJobs(items.values()), [items])
  const columns = useMemo(() => jobColumns({ t: tJobs, devices, nameOf }), [tJobs, devices, nameOf])

  return (
    <Panel
      flush
      title={t('latest')}
      aside={
        <RouteLink to="/jobs" className={classes['link']}>
          {t('allJobs')}
        </RouteLink>
      }
    >
      {error && !ready ? (
        <ErrorState error={error} />
      ) : (
        <VirtualTable
          label={t('latest')}
          rows={jobs}
          rowKey={(job) => job.id}
          columns={columns}
          rowHeight={48}
          maxHeight={460}
          menu={(job) => <JobMenuItems job={job} />}
          onSelect={(job) => navigate(pathTo('jobs', job.id))}
        />
      )}
    </Panel>
  )
}
