import { Badge, Group } from '@mantine/core'
import type { DatasetSummary } from '@shared/contract'
import { IconTable, IconTableImport } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  Bytes,
  type Column,
  EmptyState,
  ErrorState,
  Page,
  Panel,
  RelativeTime,
  SearchField,
  TwoLines,
  VirtualTable,
} from '../../components'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { useList } from '../../lib/live'
import { navigate, pathTo } from '../../lib/router'
import { useDatasets } from '../../lib/stores'
import { ImportButton, SampleButton } from '../imports'
import classes from './data.module.css'

const byName = (a: DatasetSummary, b: DatasetSummary) => a.name.localeCompare(b.name)
const keyOf = (dataset: DatasetSummary) => dataset.name

function useColumns(): Column<DatasetSummary>[] {
  const { t } = useTranslation('data')
  const locale = localeOf(useLanguage((state) => state.language))
  return useMemo(
    () => [
      {
        key: 'name',
        width: 'minmax(170px, 2fr)',
        header: t('column.name'),
        render: (dataset) => (
          <TwoLines
            first={<span className={classes['rowName']}>{dataset.name}</span>}
            second={t('versions', { count: dataset.versions.length })}
          />
        ),
      },
      {
        key: 'format',
        width: '120px',
        header: t('column.format'),
        render: (dataset) => <Badge>{t(`format.${dataset.format}`)}</Badge>,
      },
      {
        key: 'latest',
        width: '70px',
        hideBelow: 600,
        header: t('column.latest'),
        render: (dataset) => dataset.latest,
      },
      {
        key: 'rows',
        width: '100px',
        align: 'end',
        header: t('column.rows'),
        render: (dataset) => formatNumber(dataset.rows, locale),
      },
      {
        key: 'size',
        width: '90px',
        align: 'end',
        header: t('column.size'),
        render: (dataset) => <Bytes value={dataset.sizeBytes} />,
      },
      {
        key: 'updated',
        width: '110px',
        hideBelow: 600,
        header: t('column.updated'),
        render: (dataset) => <RelativeTime at={dataset.updatedAt} />,
      },
    ],
    [t, locale],
  )
}

/** All data sets. */
export function DatasetList() {
  const { t } = useTranslation('data')
  const { ready, error } = useDatasets()
  const datasets = useList(useDatasets, byName)
  const [text, setText] = useState('')
  const needle = text.trim().toLowerCase()
  const rows = useMemo(() => datasets.filter(({ name }) => name.includes(needle)), [datasets, needle])
  const columns = useColumns()
  if (error && !ready) {
    return (
      <Page title={t('title')}>
        <ErrorState error={error} />
      </Page>
    )
  }
  return (
    <Page title={t('title')} actions={<ImportButton>{t('import')}</ImportButton>} fill>
      {ready && datasets.length === 0 ? (
        <EmptyState
          icon={IconTableImport}
          title={t('empty.title')}
          text={t('empty.text')}
          action={
            <Group gap={8} justify="center">
              <ImportButton>{t('import')}</ImportButton>
              <SampleButton sample="greenhouse" />
            </Group>
          }
        />
      ) : (
        <>
          <div className={classes['bar']}>
            <SearchField w={240} label={t('search')} value={text} onChange={setText} />
            <span className={classes['count']}>{t('count', { count: rows.length })}</span>
          </div>
          <Panel flush fill aria-label={t('tableLabel')}>
            <VirtualTable
              label={t('tableLabel')}
              rows={rows}
              rowKey={keyOf}
              columns={columns}
              rowHeight={48}
              onSelect={(dataset) => navigate(pathTo('data', dataset.name))}
              empty={
                ready ? <EmptyState icon={IconTable} title={t('noneTitle')} text={t('noneText')} /> : <div />
              }
            />
          </Panel>
        </>
      )}
    </Page>
  )
}
