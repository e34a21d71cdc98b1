import type { Column } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { formatPercent } from '../../lib/format'
import { cellText } from './cells'
import classes from './data.module.css'

const HEIGHT = 44
const TOP_SHOWN = 5

/** How the numbers of a column are spread: bars of equal width from the least to the largest. */
export function Histogram({ column }: { column: Column }) {
  const { t } = useTranslation('data')
  const { bins, min, max } = column
  if (bins.length === 0 || min === null || max === null) return null
  if (min === max)
    return <div className={classes['note']}>{t('columns.allSame', { value: cellText(min) })}</div>
  const most = Math.max(...bins, 1)
  const total = bins.reduce((sum, count) => sum + count, 0) || 1
  const step = (max - min) / bins.length
  return (
    <div>
      <svg
        className={classes['histogram']}
        viewBox={`0 0 ${bins.length} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={t('columns.histogram', { name: column.name, min: cellText(min), max: cellText(max) })}
      >
        {bins.map((count, index) => {
          // What is there at all is seen.
          const height = count === 0 ? 0 : Math.max(1.5, (count / most) * HEIGHT)
          const from = min + index * step
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: the index is what a bin is
            <g key={index}>
              <title>
                {t('columns.bin', {
                  from: cellText(from),
                  to: cellText(from + step),
                  share: formatPercent(count / total),
                })}
              </title>
              <rect x={index} width={1} y={0} height={HEIGHT} fill="transparent" />
              <rect x={index + 0.06} width={0.88} y={HEIGHT - height} height={height} />
            </g>
          )
        })}
      </svg>
      <div className={classes['range']}>
        <span>{cellText(min)}</span>
        <span>{cellText(max)}</span>
      </div>
    </div>
  )
}

/** The most frequent values, each with its share of the rows. */
export function TopValues({ column, rows }: { column: Column; rows: number }) {
  const { t } = useTranslation('data')
  if (column.top.length === 0) return <div className={classes['note']}>{t('columns.noValue')}</div>
  const shown = column.top.slice(0, TOP_SHOWN)
  const most = shown[0]?.count ?? 1
  if (most === 1 && rows > 1) return <div className={classes['note']}>{t('columns.allDifferent')}</div>
  return (
    <ul className={classes['top']} aria-label={t('columns.top', { name: column.name })}>
      {shown.map(({ value, count }) => (
        <li key={value}>
          <span className={classes['topBar']} style={{ width: `${(count / most) * 100}%` }} />
          <span className={classes['cut']} title={value}>
            <bdi>{value || t('columns.emptyText')}</bdi>
          </span>
          <span>{formatPercent(count / rows)}</span>
        </li>
      ))}
    </ul>
  )
}
