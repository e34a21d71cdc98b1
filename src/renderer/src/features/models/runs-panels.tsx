import type { Job } from '@shared/contract'
import { IconPlayerPlay } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { EmptyState, Panel, RelativeTime, StateDot } from '../../components'
import { navigate, pathTo, RouteLink } from '../../lib/router'
import { useJobs } from '../../lib/stores'
import { stateName, useJobsView } from '../jobs'
import classes from './models.module.css'

const RUNS_SHOWN = 8

/** Jobs of a model as the window follows them, newest first. */
function useJobsOf(model: string): Job[] {
  const items = useJobs((state) => state.items)
  return useMemo(
    () =>
      [...items.values()]
        .filter((job) => job.model?.split('@', 1)[0] === model)
        .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)),
    [items, model],
  )
}

export function RecentRuns({ model }: { model: string }) {
  const { t } = useTranslation(['models', 'jobs'])
  const jobs = useJobsOf(model)
  const setFilter = useJobsView((state) => state.setFilter)
  const showAll = () => {
    setFilter({ group: 'all', kind: null, model, principal: null, text: '' })
    navigate('/jobs')
  }
  return (
    <Panel
      title={t('runs.title')}
      aside={
        jobs.length > RUNS_SHOWN && (
          <button type="button" className={classes['textButton']} onClick={showAll}>
            {t('runs.all')}
          </button>
        )
      }
    >
      {jobs.length === 0 ? (
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
