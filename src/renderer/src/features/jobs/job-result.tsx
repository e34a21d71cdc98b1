import { Pagination } from '@mantine/core'
import type { Job, JobResult } from '@shared/contract'
import { memo, useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Facts } from '../../components'
import { getClient } from '../../lib/client'
import { formatDuration, formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { JobText, TextFigures } from './job-text'
import classes from './jobs.module.css'
import { ResultActions } from './result-actions'
import { TensorBlock } from './tensor-block'
import { useAsked } from './use-asked'

const ITEMS_A_PAGE = 5

function Outputs({ outputs }: { outputs: NonNullable<JobResult['outputs']> }) {
  return Object.entries(outputs).map(([name, tensor]) => (
    <TensorBlock key={name} name={name} tensor={tensor} />
  ))
}

function Items({ items }: { items: NonNullable<JobResult['items']> }) {
  const { t } = useTranslation('jobs')
  const [page, setPage] = useState(1)
  const start = (page - 1) * ITEMS_A_PAGE
  const pages = Math.ceil(items.length / ITEMS_A_PAGE)
  return (
    <>
      <div className={classes['aside']}>{t('result.items', { count: items.length })}</div>
      {items.slice(start, start + ITEMS_A_PAGE).map((item, i) => (
        <section
          // biome-ignore lint/suspicious/noArrayIndexKey: the index is what an item is
          key={start + i}
          className={classes['tensor']}
          aria-label={t('result.item', { index: start + i })}
        >
          <h4 className={classes['sectionTitle']}>{t('result.item', { index: start + i })}</h4>
          <Outputs outputs={item.outputs} />
        </section>
      ))}
      {pages > 1 && (
        <Pagination
          size="xs"
          total={pages}
          value={page}
          onChange={setPage}
          siblings={1}
          boundaries={1}
          aria-label={t('result.page')}
          getControlProps={(control) => ({
            'aria-label': t(control === 'next' || control === 'last' ? 'result.next' : 'result.previous'),
          })}
          getItemProps={(number) => ({ 'aria-label': t('result.pageNumber', { page: number }) })}
        />
      )}
    </>
  )
}

/** Latency figures as bars on one scale, each with its number. */
function Benchmark({ result }: { result: JobResult }) {
  const { t } = useTranslation('jobs')
  const locale = localeOf(useLanguage((state) => state.language))
  const { latencyMs } = result
  const figures = latencyMs
    ? ([
        ['p50', latencyMs.p50],
        ['p95', latencyMs.p95],
        ['p99', latencyMs.p99],
        [t('result.mean'), latencyMs.mean],
      ] as const)
    : []
  const top = Math.max(...figures.map(([, ms]) => ms), Number.MIN_VALUE)
  return (
    <>
      {latencyMs && (
        <div
          role="img"
          className={classes['latency']}
          aria-label={t('result.latencyChart', {
            p50: formatDuration(latencyMs.p50),
            p95: formatDuration(latencyMs.p95),
            p99: formatDuration(latencyMs.p99),
          })}
        >
          {figures.map(([name, ms]) => (
            <div key={name} style={{ display: 'contents' }}>
              <span className={classes['aside']}>{name}</span>
              <span className={classes['latencyBar']} style={{ width: `${(ms / top) * 100}%` }} />
              <span>{formatNumber(ms, locale, ms < 10 ? 3 : 1)} ms</span>
            </div>
          ))}
        </div>
      )}
      <Facts
        rows={[
          ...(result.throughput === undefined
            ? []
            : [
                [
                  t('result.throughput'),
                  t('result.perSecond', { value: formatNumber(result.throughput, locale, 1) }),
                ] as const,
              ]),
          ...(result.iterations === undefined
            ? []
            : [[t('result.iterations'), formatNumber(result.iterations, locale)] as const]),
        ]}
      />
    </>
  )
}

/** What a job gave; drawn again only when the job itself is another. */
export const JobResultView = memo(function JobResultView({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const { id } = job
  const ask = useCallback(
    (signal: AbortSignal) => getClient().compute.jobs.result({ id, waitMs: 0 }, { signal }),
    [id],
  )
  const { value: result, error, again } = useAsked(ask)
  if (error && !result) return <ErrorState error={error} onRetry={again} />
  if (!result) return <div className={classes['aside']}>{t('loading')}</div>
  if (result.kind === 'synthetic') return <div className={classes['aside']}>{t('result.synthetic')}</div>
  return (
    <>
      {result.outputs && <Outputs outputs={result.outputs} />}
      {result.items && <Items items={result.items} />}
      {result.kind === 'generate' && <JobText job={job} />}
      {result.kind === 'generate' && <TextFigures job={job} />}
      {result.kind === 'benchmark' && <Benchmark result={result} />}
      <ResultActions result={result} />
    </>
  )
})
