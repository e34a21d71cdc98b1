import { BarChart } from '@mantine/charts'
import type { Job } from '@shared/contract'
import { IconChartBar, IconPlayerPlay } from '@tabler/icons-react'
import { useCallback, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { EmptyState, Panel, RelativeTime, StateDot } from '../../components'
import { getClient } from '../../lib/client'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { navigate, pathTo, RouteLink } from '../../lib/router'
import { useJobs } from '../../lib/stores'
import { stateName, useAsked, useJobsView } from '../jobs'
import { latestBenchmarks } from './latency'
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

/** p50 and p95 of the newest benchmark of each version. */
export function LatencyPanel({ model }: { model: string }) {
  const { t } = useTranslation('models')
  const locale = localeOf(useLanguage((state) => state.language))
  const jobs = useJobsOf(model)
  const benchmarks = useMemo(() => latestBenchmarks(jobs, model), [jobs, model])
  const key = benchmarks.map(({ version, job }) => `${version}:${job.id}`).join(' ')
  // The key says which results are shown; the list is a new one with every change of any job.
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for again only when the key changes
  const ask = useCallback(
    async (signal: AbortSignal) => {
      const results = await Promise.all(
        benchmarks.map(async ({ version, job }) => {
          const { latencyMs } = await getClient().compute.jobs.result({ id: job.id, waitMs: 0 }, { signal })
          return latencyMs ? [{ version, ...latencyMs }] : []
        }),
      )
      return results.flat()
    },
    [key],
  )
  const { value } = useAsked(benchmarks.length > 0 ? ask : null)
  const ms = (number: number) => formatNumber(number, locale, number < 10 ? 2 : 1)
  if (benchmarks.length === 0 || (value && value.length === 0)) {
    return (
      <Panel title={t('latency.title')}>
        <EmptyState compact icon={IconChartBar} title={t('latency.empty')} text={t('latency.emptyText')} />
      </Panel>
    )
  }
  const figures = (value ?? []).map(({ version, p50, p95 }) =>
    t('latency.figure', { version, p50: ms(p50), p95: ms(p95) }),
  )
  return (
    <Panel title={t('latency.title')} aside={t('latency.unit')}>
      <div role="img" aria-label={t('latency.label', { figures: figures.join('; ') })}>
        <BarChart
          h={190}
          data={(value ?? []).map(({ version, p50, p95 }) => ({ version: `v${version}`, p50, p95 }))}
          dataKey="version"
          series={[
            { name: 'p50', color: 'var(--app-running)' },
            { name: 'p95', color: 'var(--app-queued)' },
          ]}
          withLegend
          legendProps={{ verticalAlign: 'top', height: 28 }}
          gridAxis="x"
          tickLine="none"
          maxBarWidth={28}
          valueFormatter={(number) => `${ms(number)} ms`}
          yAxisProps={{ width: 44, tickFormatter: ms }}
          barProps={{ isAnimationActive: false }}
          tooltipAnimationDuration={0}
        />
      </div>
    </Panel>
  )
}
