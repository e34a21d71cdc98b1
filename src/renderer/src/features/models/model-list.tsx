import { ActionIcon, Badge, Group, Tooltip, VisuallyHidden } from '@mantine/core'
import type { ModelSummary } from '@shared/contract'
import { IconBox, IconPackageImport, IconPlayerPlay } from '@tabler/icons-react'
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
import { useList } from '../../lib/live'
import { navigate, pathTo } from '../../lib/router'
import { useModels } from '../../lib/stores'
import { ImportButton, SampleButton } from '../imports'
import { FORMAT_NAMES } from './about'
import { AliasBadge } from './alias-badge'
import { sortAliases } from './aliases'
import classes from './models.module.css'

const byName = (a: ModelSummary, b: ModelSummary) => a.name.localeCompare(b.name)

function useColumns(): Column<ModelSummary>[] {
  const { t } = useTranslation('models')
  return useMemo(
    () => [
      {
        key: 'name',
        width: 'minmax(170px, 2fr)',
        header: t('column.name'),
        render: (model) => (
          <TwoLines
            first={<span className={classes['rowName']}>{model.name}</span>}
            second={t('versions', { count: model.versions.length })}
          />
        ),
      },
      {
        key: 'format',
        width: '110px',
        hideBelow: 560,
        header: t('about.format'),
        render: (model) => <Badge>{FORMAT_NAMES[model.format]}</Badge>,
      },
      { key: 'latest', width: '70px', header: t('column.latest'), render: (model) => model.latest },
      {
        key: 'aliases',
        width: 'minmax(150px, 2fr)',
        header: t('column.aliases'),
        render: (model) =>
          model.aliases.length === 0 ? (
            t('noAliases')
          ) : (
            <div className={classes['badges']}>
              {sortAliases(model.aliases.map(({ alias }) => alias)).map((alias) => (
                <AliasBadge key={alias} alias={alias} />
              ))}
            </div>
          ),
      },
      {
        key: 'size',
        width: '90px',
        align: 'end',
        header: t('column.size'),
        render: (model) => <Bytes value={model.sizeBytes} />,
      },
      {
        key: 'updated',
        width: '110px',
        hideBelow: 680,
        header: t('column.updated'),
        render: (model) => <RelativeTime at={model.updatedAt} />,
      },
      {
        key: 'run',
        width: '40px',
        header: <VisuallyHidden>{t('column.actions')}</VisuallyHidden>,
        render: (model) => (
          <Tooltip label={t('runModel', { name: model.name })}>
            <ActionIcon
              size={26}
              tabIndex={-1}
              aria-label={t('runModel', { name: model.name })}
              onClick={(event) => {
                event.stopPropagation()
                navigate(`${pathTo('models', model.name)}?run`)
              }}
            >
              <IconPlayerPlay size={16} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        ),
      },
    ],
    [t],
  )
}

/** All models. */
export function ModelList() {
  const { t } = useTranslation('models')
  const { ready, error } = useModels()
  const models = useList(useModels, byName)
  const [text, setText] = useState('')
  const needle = text.trim().toLowerCase()
  const rows = useMemo(
    () =>
      models.filter(
        (model) => model.name.includes(needle) || model.aliases.some(({ alias }) => alias.includes(needle)),
      ),
    [models, needle],
  )
  const columns = useColumns()
  if (error && !ready) {
    return (
      <Page title={t('title')}>
        <ErrorState error={error} />
      </Page>
    )
  }
  return (
    <Page title={t('title')} actions={<ImportButton />} fill>
      {ready && models.length === 0 ? (
        <EmptyState
          icon={IconPackageImport}
          title={t('empty.title')}
          text={t('empty.text')}
          action={
            <Group gap={8} justify="center">
              <ImportButton />
              <SampleButton sample="digits" />
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
              rowKey={(model) => model.name}
              columns={columns}
              rowHeight={48}
              onSelect={(model) => navigate(pathTo('models', model.name))}
              empty={
                ready ? <EmptyState icon={IconBox} title={t('noneTitle')} text={t('noneText')} /> : <div />
              }
            />
          </Panel>
        </>
      )}
    </Page>
  )
}
