import type { PredictionRecord } from '@shared/contract'
import { useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useWidth } from '../../components'
import { formatDuration } from '../../lib/format'
import classes from './timeline.module.css'
import { roundStepMs } from './view'

const HEIGHT = 228
const EDGE = { left: 44, right: 8, top: 22, bottom: 42 }
const LEAST_MS = 1_000

/** Predicted wait to the right, actual wait upwards: on the line, a job started as it was told. */
export function PredictionChart({ recent }: { recent: PredictionRecord['recent'] }) {
  const { t } = useTranslation('timeline')
  const area = useRef<HTMLDivElement>(null)
  const width = useWidth(area)
  const points = useMemo(
    () =>
      recent.map(({ job, name, madeAt, startsAt, earliest, latest, startedAt }) => {
        const since = (at: string) => Math.max(0, Date.parse(at) - Date.parse(madeAt))
        const [told, least, most, was] = [since(startsAt), since(earliest), since(latest), since(startedAt)]
        return { job, name, told, least, most, was, isInside: was >= least - 1 && was <= most + 1 }
      }),
    [recent],
  )
  const most = Math.max(LEAST_MS, ...points.map(({ told, was }) => Math.max(told, was))) * 1.05
  const x = (ms: number) => EDGE.left + (ms / most) * Math.max(0, width - EDGE.left - EDGE.right)
  const y = (ms: number) =>
    HEIGHT - EDGE.bottom - (Math.min(ms, most) / most) * (HEIGHT - EDGE.top - EDGE.bottom)
  const stepMs = roundStepMs(most, 4)
  const ticks = Array.from({ length: Math.floor(most / stepMs) + 1 }, (_, step) => step * stepMs)
  const text = (ms: number) => (ms === 0 ? '0' : formatDuration(ms))
  return (
    <div ref={area} className={classes['scatter']}>
      <svg width={width} height={HEIGHT} role="img" aria-label={t('chartLabel', { count: points.length })}>
        {ticks.map((ms) => (
          <g key={ms}>
            <line x1={EDGE.left} x2={width - EDGE.right} y1={y(ms)} y2={y(ms)} className={classes['grid']} />
            <text x={EDGE.left - 6} y={y(ms) + 4} textAnchor="end">
              {text(ms)}
            </text>
            <text x={x(ms)} y={y(0) + 18} textAnchor={x(ms) > width - 40 ? 'end' : 'middle'}>
              {text(ms)}
            </text>
          </g>
        ))}
        <text x={EDGE.left} y={12}>
          {t('wasAxis')}
        </text>
        <text x={width - EDGE.right} y={HEIGHT - 4} textAnchor="end">
          {t('toldAxis')}
        </text>
        <line x1={x(0)} y1={y(0)} x2={x(most)} y2={y(most)} className={classes['exact']} />
        {points.map(({ job, name, told, least, most: latest, was, isInside }) => (
          <g key={job} data-outside={!isInside || undefined} className={classes['point']}>
            <title>{t('point', { name, told: formatDuration(told), was: formatDuration(was) })}</title>
            <line x1={x(told)} x2={x(told)} y1={y(least)} y2={y(latest)} />
            {isInside ? (
              <circle cx={x(told)} cy={y(was)} r={3.5} />
            ) : (
              <path d={`M${x(told) - 4} ${y(was) - 4}l8 8m0 -8l-8 8`} />
            )}
          </g>
        ))}
      </svg>
      <ul className={classes['legend']}>
        <li>
          <span data-kind="inside" aria-hidden="true" />
          {t('inside')}
        </li>
        <li>
          <span data-kind="outside" aria-hidden="true">
            ×
          </span>
          {t('outside')}
        </li>
        <li>
          <span data-kind="bounds" aria-hidden="true" />
          {t('bounds')}
        </li>
      </ul>
    </div>
  )
}
