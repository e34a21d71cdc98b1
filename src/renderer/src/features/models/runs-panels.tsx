import type { Job } from '@shared/contract'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { EmptyState, Panel, RelativeTime, StateDot } from '../../components'
import { getClient } from '../../lib/client'
import type { ErrorView } from '../../lib/errors'
import { navigate, pathTo, RouteLink } from '../../lib/router'
import { useJobs } from '../../lib/stores'
import { stateName, useAsked, useJobsView } from '../jobs'
import classes from './models.module.css'

const RUNS_SHOWN = 8

/** The newest jobs of a model: those the window follows, and where they are few also older ones; null while these are asked for. */
function useJobsOf(model: string): { jobs: Job[] | null; error: ErrorView | null } {
  const items = useJobs((state) => state.items)
  const live = useMemo(
    () => [...items.values()].filter((job) => job.model?.split('@', 1)[0] === model),
    [items, model],
  )
  const ask = useCallback(
    (signal: AbortSignal) => getClient().compute.jobs.list({ model, limit: RUNS_SHOWN + 1 }, { signal }),
    [model],
  )
  const { value, error } = useAsked(live.length > RUNS_SHOWN ? null : ask)
  const jobs = useMemo(() => {
    const byId = new Map([...(value?.items ?? []), ...live].map((job) => [job.id, job]))
    return [...byId.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
  }, [value, live])
  return { jobs: jobs.length === 0 && !value ? null : jobs, error }
}

export function RecentRuns({ model }: { model: string }) {
  const { t } = useTranslation(['models', 'jobs'])
  const { jobs, error } = useJobsOf(model)
  const setFilter = useJobsView((state) => state.setFilter)
  const showAll = () => {
    setFilter({ group: 'all', kind: null, model, principal: null, text: '' })
    navigate('/jobs')
  }
  return (
    <Panel
      title={t('runs.title')}
      aside={
        jobs !== null &&
        jobs.length > RUNS_SHOWN && (
          <button type="button" className={classes['textButton']} onClick={showAll}>
            {t('runs.all')}
          </button>
        )
      }
    >
      {jobs === null ? (
        <div className={classes['note']}>{error ? error.message : t('loading')}</div>
      ) : jobs.length === 0 ? (
        <EmptyState compact icon={IconPlayerPlay} title={t('runs.empty')} text={t('runs.emptyText')} />
      ) : (
        <ul className={classes['list']}>
          {jobs.slice(0, RUNS_SHOWN).map((job) => (
            <li key={job.id} className={classes['item']}>
              <StateDot state={stateName(job)} quiet />
              <RouteLink to={pathTo('jobs', job.id)} className={`${classes['plain']} ${classes['grow']}`}>
                {job.name}
              </RouteLink>
              <span className={classes['note']}>{t(`jobs:kind.${job.kind}`)}</span>
              <span className={classes['note']}>
                <RelativeTime at={job.createdAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
