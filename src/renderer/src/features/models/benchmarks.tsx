import { BarChart } from '@mantine/charts'
import { Select } from '@mantine/core'
import type { Job, VersionBenchmark } from '@shared/contract'
import { IconChartBar } from '@tabler/icons-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, EmptyState, ErrorState, Panel, RelativeTime, VirtualTable } from '../../components'
import { getClient } from '../../lib/client'
import { deviceLabel } from '../../lib/devices'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { navigate, pathTo } from '../../lib/router'
import { useDevices, useJobs, useModels } from '../../lib/stores'
import { type Asked, useAsked } from '../jobs'
import { newestByVersion, type Setup, setupsOf } from './benchmark-figures'
import classes from './models.module.css'

/** All benchmarks of a model, newest first; asked for again when the model changes or another benchmark has ended. */
export function useBenchmarks(model: string): Asked<VersionBenchmark[]> {
  const summary = useModels((state) => state.items.get(model))
  const ended = useJobs((state) => endedBenchmarks(state.items.values(), model))
  const ask = useCallback(
    async (signal: AbortSignal) =>
      (await getClient().storage.models.benchmarks({ name: model }, { signal })).items,
    [model],
  )
  const asked = useAsked(ask)
  const { again } = asked
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of either means that the answer may be another
  useEffect(() => again(), [summary, ended, again])
  return asked
}

function endedBenchmarks(jobs: Iterable<Job>, model: string): number {
  let count = 0
  for (const job of jobs)
    if (job.kind === 'benchmark' && job.state === 'succeeded' && job.model?.startsWith(`${model}@`)) count++
  return count
}

function useMs(): (value: number) => string {
  const locale = localeOf(useLanguage((state) => state.language))
  return (value) => formatNumber(value, locale, value < 1 ? 3 : value < 10 ? 2 : 1)
}

/** `CPU, 1 thread`: what figures have in common. */
export function useSetupText(): (setup: Setup) => string {
  const { t } = useTranslation('models')
  const devices = useDevices((state) => state.items)
  return ({ device, threads }) =>
    t('benchmarks.setup', {
      count: threads,
      device: device === '' ? t('benchmarks.anyDevice') : deviceLabel(device, devices),
    })
}

function LatencyChart({ benchmarks, height }: { benchmarks: readonly VersionBenchmark[]; height: number }) {
  const { t } = useTranslation('models')
  const ms = useMs()
  const data = benchmarks.map(({ version, latencyMs: { p50, p95 } }) => ({
    version: `v${version}`,
    p50,
    p95,
  }))
  const figures = benchmarks.map(({ version, latencyMs }) =>
    t('latency.figure', { version, p50: ms(latencyMs.p50), p95: ms(latencyMs.p95) }),
  )
  return (
    <div role="img" aria-label={t('latency.label', { figures: figures.join('; ') })}>
      <BarChart
        h={height}
        data={data}
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
        yAxisProps={{ width: 52, tickFormatter: (value: number) => `${ms(value)} ms` }}
        barProps={{ isAnimationActive: false }}
        tooltipAnimationDuration={0}
      />
    </div>
  )
}

function NoBenchmark({ compact }: { compact?: boolean }) {
  const { t } = useTranslation('models')
  return (
    <EmptyState
      compact={compact ?? false}
      icon={IconChartBar}
      title={t('latency.empty')}
      text={t('latency.emptyText')}
    />
  )
}

/** p50 and p95 of the newest benchmark of each version, in the setup that most versions were measured in. */
export function LatencyPanel({ asked: { value, error } }: { asked: Asked<VersionBenchmark[]> }) {
  const { t } = useTranslation('models')
  const setupText = useSetupText()
  const benchmarks = value ?? []
  const [setup] = setupsOf(benchmarks)
  return (
    <Panel title={t('latency.title')} aside={setup && t('latency.unit', { setup: setupText(setup) })}>
      {setup ? (
        <LatencyChart benchmarks={newestByVersion(benchmarks, setup)} height={190} />
      ) : value === null ? (
        <div className={classes['note']}>{error ? error.message : t('loading')}</div>
      ) : (
        <NoBenchmark compact />
      )}
    </Panel>
  )
}

function useColumns(): Column<VersionBenchmark>[] {
  const { t } = useTranslation('models')
  const setupText = useSetupText()
  const locale = localeOf(useLanguage((state) => state.language))
  const ms = useMs()
  const figure = (key: 'p50' | 'p95' | 'p99'): Column<VersionBenchmark> => ({
    key,
    width: '76px',
    align: 'end',
    header: `${key}, ms`,
    render: ({ latencyMs }) => ms(latencyMs[key]),
    ...(key === 'p99' ? { hideBelow: 620 } : {}),
  })
  return [
    {
      key: 'version',
      width: 'minmax(90px, 1fr)',
      header: t('alias.version'),
      render: ({ version }) => t('version', { version }),
    },
    {
      key: 'setup',
      width: 'minmax(120px, 1.4fr)',
      header: t('benchmarks.on'),
      render: (benchmark) => setupText(benchmark),
    },
    figure('p50'),
    figure('p95'),
    figure('p99'),
    {
      key: 'throughput',
      width: '110px',
      align: 'end',
      hideBelow: 560,
      header: t('benchmarks.throughput'),
      render: ({ throughput }) => formatNumber(throughput, locale, 1),
    },
    {
      key: 'iterations',
      width: '84px',
      align: 'end',
      hideBelow: 760,
      header: t('benchmarks.iterations'),
      render: ({ iterations }) => formatNumber(iterations, locale),
    },
    {
      key: 'at',
      width: '110px',
      header: t('benchmarks.at'),
      render: ({ at }) => <RelativeTime at={at} />,
    },
  ]
}

/** Every benchmark of a model: a chart over its versions in one setup, and all figures below. */
export function BenchmarksTab({ asked }: { asked: Asked<VersionBenchmark[]> }) {
  const { t } = useTranslation('models')
  const { value, error, again } = asked
  const setups = useMemo(() => setupsOf(value ?? []), [value])
  const [chosen, setChosen] = useState(0)
  const setupText = useSetupText()
  const columns = useColumns()
  if (error && !value) return <ErrorState error={error} onRetry={again} />
  if (!value) return <div className={classes['note']}>{t('loading')}</div>
  const setup = setups[chosen] ?? setups[0]
  if (!setup) {
    return (
      <Panel fill>
        <NoBenchmark />
      </Panel>
    )
  }
  return (
    <div className={classes['column']}>
      <Panel
        title={t('latency.title')}
        aside={
          <Select
            w={190}
            aria-label={t('benchmarks.on')}
            allowDeselect={false}
            data={setups.map((candidate, i) => ({ value: String(i), label: setupText(candidate) }))}
            value={String(setups.indexOf(setup))}
            onChange={(index) => setChosen(Number(index))}
          />
        }
      >
        <LatencyChart benchmarks={newestByVersion(value, setup)} height={220} />
      </Panel>
      <Panel flush fill aria-label={t('benchmarks.table')}>
        <VirtualTable
          label={t('benchmarks.table')}
          rows={value}
          rowKey={({ job }) => job}
          columns={columns}
          rowHeight={36}
          onSelect={({ job }) => navigate(pathTo('jobs', job))}
        />
      </Panel>
    </div>
  )
}
