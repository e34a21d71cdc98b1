import { ActionIcon, NumberInput, SegmentedControl } from '@mantine/core'
import type { Column, DatasetVersion } from '@shared/contract'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Panel, type Column as TableColumn, VirtualTable } from '../../components'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { CellView } from './cell-view'
import { cellOf, widthOf } from './cells'
import classes from './data.module.css'
import { Gallery } from './gallery'
import { type PlacedRow, ROWS_A_TABLE, useRows } from './use-rows'

const GAP = 16
const keyOf = (row: PlacedRow) => String(row.index)

/** The rows, read as one scrolls; of images as a wall of thumbnails too. */
export function RowsPanel({ version, columns }: { version: DatasetVersion; columns: readonly Column[] }) {
  const { t } = useTranslation(['data', 'common'])
  const locale = localeOf(useLanguage((state) => state.language))
  const pictures = version.format === 'images'
  const [view, setView] = useState(pictures ? 'pictures' : 'table')
  const [begin, setBegin] = useState(0)
  const of = useMemo(
    () => ({ name: version.dataset, version: version.version }),
    [version.dataset, version.version],
  )
  const rows = useRows({ ...of, rows: version.rows, columns: version.columns.length }, begin)
  const tableColumns = useMemo(
    () => [
      {
        key: '#',
        width: '56px',
        align: 'end' as const,
        header: t('rows.number'),
        render: ({ index }: PlacedRow) => (
          <span className={classes['nothing']}>{formatNumber(index, locale)}</span>
        ),
      },
      ...columns.map(
        (column): TableColumn<PlacedRow> => ({
          key: `column ${column.name}`,
          width: `minmax(${widthOf(column)}px, 1fr)`,
          header: (
            <span
              className={classes['head']}
              title={`${column.name} · ${t(`common:columnType.${column.type}`)}`}
            >
              <span>{column.name}</span> <i>{t(`common:columnType.${column.type}`)}</i>
            </span>
          ),
          ...(column.type === 'integer' || column.type === 'number' ? { align: 'end' as const } : {}),
          render: ({ cells }) =>
            cells ? (
              <CellView cell={cellOf(cells, column.name)} column={column} of={of} />
            ) : (
              <span className={classes['coming']} />
            ),
        }),
      ),
    ],
    [columns, of, t, locale],
  )
  const minWidth = columns.reduce((sum, column) => sum + widthOf(column) + GAP, 56 + 2 * GAP)
  const tall = columns.some(({ type }) => type === 'image' || type === 'tensor')
  return (
    <Panel
      flush
      title={t('rows.title')}
      aside={
        <>
          <span>{t('rows.count', { count: version.rows })}</span>
          {version.rows > ROWS_A_TABLE && <Sections total={version.rows} begin={begin} onBegin={setBegin} />}
          {pictures && (
            <SegmentedControl
              aria-label={t('rows.view')}
              data={[
                { value: 'pictures', label: t('rows.pictures') },
                { value: 'table', label: t('rows.table') },
              ]}
              value={view}
              onChange={setView}
            />
          )}
        </>
      }
    >
      {rows.error && (
        <div className={classes['rowsError']}>
          <ErrorState error={rows.error} onRetry={rows.again} />
        </div>
      )}
      {view === 'pictures' ? (
        <Gallery rows={rows} of={of} />
      ) : (
        <VirtualTable
          key={begin}
          label={t('rows.title')}
          rows={rows.source}
          rowKey={keyOf}
          columns={tableColumns}
          rowHeight={tall ? 64 : 36}
          minWidth={minWidth}
          maxHeight={tall ? 484 : 434}
          onSight={rows.onSight}
        />
      )}
    </Panel>
  )
}

/** Where a very long table begins: on by a section, or at the row that is typed. */
function Sections(props: { total: number; begin: number; onBegin: (row: number) => void }) {
  const { t } = useTranslation('data')
  const { total, begin, onBegin } = props
  const last = Math.min(total, begin + ROWS_A_TABLE) - 1
  return (
    <>
      <ActionIcon
        size={24}
        aria-label={t('rows.before')}
        disabled={begin === 0}
        onClick={() => onBegin(Math.max(0, begin - ROWS_A_TABLE))}
      >
        <IconChevronLeft size={15} stroke={1.6} />
      </ActionIcon>
      <NumberInput
        w={110}
        hideControls
        thousandSeparator
        aria-label={t('rows.from')}
        min={0}
        max={total - 1}
        allowDecimal={false}
        value={begin}
        onChange={(value) => {
          if (typeof value === 'number' && value >= 0 && value < total) onBegin(value)
        }}
      />
      <ActionIcon
        size={24}
        aria-label={t('rows.after')}
        disabled={last >= total - 1}
        onClick={() => onBegin(last + 1)}
      >
        <IconChevronRight size={15} stroke={1.6} />
      </ActionIcon>
    </>
  )
}
