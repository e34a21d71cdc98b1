import type { Outcome, WhatIfAnswer, WhatIfQuestion } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { formatDuration, formatNumber, formatPercent } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import type { Accelerator } from './scenario'
import classes from './timeline.module.css'

const SHOWN = ['cpuCores', 'memoryBytes', 'gpu', 'npu', 'fpga'] as const

/** Before and after as bars, and what it comes to in a sentence. */
export function WhatIfResult({
  answer,
  words,
  source,
  accelerator,
}: {
  answer: WhatIfAnswer
  words: string
  source: WhatIfQuestion['source']
  /** What the change is about; null: no accelerator. */
  accelerator: Accelerator | null
}) {
  const { t } = useTranslation(['timeline', 'common'])
  const locale = localeOf(useLanguage((state) => state.language))
  const { before, after, resources, leftOut } = answer
  const isAlike = before.impossible === after.impossible
  if (before.jobs + after.jobs === 0 || (isAlike && before.jobs * after.jobs === 0)) {
    const why =
      before.stopped + after.stopped > 0 ? 'noneEnds' : before.impossible > 0 ? 'noneRuns' : 'noJobs'
    return (
      <p role="status" className={classes['note']}>
        {t(why, { change: words })}
      </p>
    )
  }
  const rows: { label: string; of: (outcome: Outcome) => number; format: (value: number) => string }[] = [
    { label: t('measure.meanWait'), of: (outcome) => outcome.meanWaitMs, format: formatDuration },
    { label: t('measure.p95Wait'), of: (outcome) => outcome.p95WaitMs, format: formatDuration },
    { label: t('measure.longestWait'), of: (outcome) => outcome.longestWaitMs, format: formatDuration },
    {
      label: t('measure.slowdown'),
      of: (outcome) => outcome.boundedSlowdown,
      format: (value) => `${formatNumber(value, locale)}×`,
    },
    { label: t('measure.fairness'), of: (outcome) => outcome.fairness, format: formatPercent },
    ...(before.stopped + after.stopped === 0
      ? []
      : [
          {
            label: t('measure.stopped'),
            of: (outcome: Outcome) => outcome.stopped,
            format: (value: number) => formatNumber(value, locale),
          },
        ]),
    ...SHOWN.filter((name) => before.capacity[name] || after.capacity[name]).map((name) => ({
      label: t('measure.use', { resource: t(`common:resource.${name}`) }),
      of: (outcome: Outcome) => outcome.utilization[name] ?? 0,
      format: formatPercent,
    })),
  ]
  // Means of different jobs say nothing of which machine is better.
  const more = after.impossible - before.impossible
  const verdict =
    Math.abs(after.meanWaitMs - before.meanWaitMs) < Math.max(10, 0.02 * before.meanWaitMs)
      ? 'same'
      : after.meanWaitMs < before.meanWaitMs
        ? 'less'
        : 'more'
  const tried = formatNumber(before.jobs + before.impossible, locale)
  return (
    <div role="status" className={classes['answer']}>
      <p className={classes['sentence']}>
        {more > 0
          ? t('impossible', { change: words, count: more, jobs: before.jobs })
          : more < 0
            ? t('possible', { change: words, count: -more, jobs: after.jobs })
            : t(`verdict.${verdict}`, {
                change: words,
                before: formatDuration(before.meanWaitMs),
                after: formatDuration(after.meanWaitMs),
                jobs: before.jobs,
              })}{' '}
        {accelerator && !asksFor(accelerator, resources) && t(`noneAsks.${accelerator}`)}{' '}
        {leftOut > 0 && t(`leftOut.${source}`, { number: tried })}
      </p>
      <table className={classes['compare']}>
        <thead>
          <tr>
            <th>{t('measure.name')}</th>
            <th>{t('before')}</th>
            <th>{t('after')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ label, of, format }) => {
            const most = Math.max(of(before), of(after)) || 1
            return (
              <tr key={label}>
                <th scope="row">{label}</th>
                {[before, after].map((outcome, side) => (
                  <td key={side === 0 ? 'before' : 'after'} data-side={side === 0 ? 'before' : 'after'}>
                    <span style={{ '--share': of(outcome) / most }} aria-hidden="true" />
                    {format(of(outcome))}
                  </td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

/** Of a GPU somebody may want the memory alone. */
function asksFor(accelerator: Accelerator, resources: readonly string[]): boolean {
  return resources.includes(accelerator) || (accelerator === 'gpu' && resources.includes('gpuMemoryBytes'))
}
