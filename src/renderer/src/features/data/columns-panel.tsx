import { Button } from '@mantine/core'
import type { Column } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel } from '../../components'
import { formatNumber, formatPercent } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { cellText } from './cells'
import { Histogram, TopValues } from './column-chart'
import classes from './data.module.css'

/** Each card has a chart; a table of thousands of columns shows them in parts. */
const SHOWN = 24

function ColumnCard({ column, rows }: { column: Column; rows: number }) {
  const { t } = useTranslation(['data', 'common'])
  const locale = localeOf(useLanguage((state) => state.language))
  const { nulls, distinct, mean, deviation, shape } = column
  const facts: [string, string][] = [
    [
      t('columns.nulls'),
      nulls === 0
        ? t('columns.noNulls')
        : `${formatNumber(nulls, locale)} · ${formatPercent(nulls / Math.max(1, rows))}`,
    ],
  ]
  if (shape) facts.push([t('columns.shape'), `[${shape.join(', ')}]`])
  if (column.type !== 'tensor')
    facts.push([
      t('columns.distinct'),
      distinct === null ? t('columns.manyDistinct') : formatNumber(distinct, locale),
    ])
  if (mean !== null) facts.push([t('columns.mean'), cellText(mean)])
  if (deviation !== null) facts.push([t('columns.deviation'), cellText(deviation)])
  return (
    <section className={classes['card']} aria-label={t('columns.label', { name: column.name })}>
      <header className={classes['cardHead']}>
        <h3 className={classes['cut']} title={column.name}>
          <bdi>{column.name}</bdi>
        </h3>
        <span className={classes['note']}>{t(`common:columnType.${column.type}`)}</span>
      </header>
      <div className={classes['chart']}>
        {column.bins.length > 0 ? <Histogram column={column} /> : <TopValues column={column} rows={rows} />}
      </div>
      <dl className={classes['figures']}>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd title={value}>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

/** What the columns hold: type, what is missing, how the values are spread. */
export function ColumnsPanel({ columns, rows }: { columns: readonly Column[]; rows: number }) {
  const { t } = useTranslation('data')
  const [shown, setShown] = useState(SHOWN)
  const more = columns.length - shown
  return (
    <Panel title={t('columns.title')} aside={t('columns.count', { count: columns.length })}>
      <div className={classes['cards']}>
        {columns.slice(0, shown).map((column) => (
          <ColumnCard key={column.name} column={column} rows={rows} />
        ))}
      </div>
      {more > 0 && (
        <Button variant="default" mt={12} onClick={() => setShown((before) => before + SHOWN)}>
          {t('columns.more', { count: Math.min(more, SHOWN) })}
        </Button>
      )}
    </Panel>
  )
}
