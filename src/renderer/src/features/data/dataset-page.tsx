import { ActionIcon, Badge, Button, Menu } from '@mantine/core'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import type { DatasetSummary, DatasetVersion } from '@shared/contract'
import { IconDotsVertical, IconDownload, IconMoodEmpty, IconPlayerPlay, IconTrash } from '@tabler/icons-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Attention, EmptyState, ErrorState, Page, SearchField } from '../../components'
import { getClient } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { rightsOver, useOffer } from '../../lib/rights'
import { navigate, pathTo, useRoute } from '../../lib/router'
import { useDatasets } from '../../lib/stores'
import { useAsked } from '../jobs'
import { ColumnsPanel } from './columns-panel'
import classes from './data.module.css'
import { LineagePanel } from './lineage-panel'
import { RowsPanel } from './rows-panel'
import { AboutPanel, downloadPath, FilesPanel, UsePanel, VersionsPanel } from './version-panels'

/** With more columns a person looks for them by name. */
const FEW_COLUMNS = 12
/** A table is drawn with so many columns at most; the others are found by name. */
const MOST_COLUMNS = 60

/** A data set with its versions and its lineage, asked for again whenever the list says that one changed. */
function useDatasetPage(name: string) {
  // What is made from it is another data set: any change may be one of its lineage.
  const all = useDatasets((state) => state.items)
  const ask = useCallback(
    async (signal: AbortSignal) => {
      const { datasets } = getClient()
      const [dataset, versions, lineage, rights] = await Promise.all([
        datasets.get({ name }, { signal }),
        datasets.versions({ name }, { signal }),
        datasets.lineage({ name }, { signal }),
        rightsOver({ dataset: name }, signal),
      ])
      return { dataset, versions: versions.items, lineage, rights }
    },
    [name],
  )
  const asked = useAsked(ask)
  const { again } = asked
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new list means that something may have changed
  useEffect(() => again(), [all, again])
  return asked
}

/** The version a link names, else the latest. */
function chosenVersion(
  dataset: DatasetSummary,
  versions: readonly DatasetVersion[],
  asked: string | undefined,
) {
  return (
    versions.find(({ version }) => String(version) === asked) ??
    versions.find(({ version }) => version === dataset.latest) ??
    versions[0]
  )
}

/** One data set: its rows and columns, beside them its versions and where it came from. */
export function DatasetPage({ name }: { name: string }) {
  const { t } = useTranslation(['data', 'common'])
  const { params } = useRoute()
  const { value, error, again } = useDatasetPage(name)
  const [needle, setNeedle] = useState('')
  const [refusal, setRefusal] = useState<{ version: number; error: ErrorView } | null>(null)
  const deletion = useOffer('dataset.manage', value?.rights ?? null)
  const parent = { label: t('title'), to: '/data' }
  const version = value && chosenVersion(value.dataset, value.versions, params.version)
  const columns = version?.columns
  const found = useMemo(() => {
    const text = needle.trim().toLowerCase()
    return (columns ?? []).filter((column) => column.name.toLowerCase().includes(text))
  }, [columns, needle])
  const drawn = useMemo(() => found.slice(0, MOST_COLUMNS), [found])

  if (error?.code === 'storage.not_found') {
    return (
      <Page parent={parent} title={name}>
        <EmptyState
          icon={IconMoodEmpty}
          title={t('missing')}
          text={t('missingText')}
          action={
            <Button variant="default" onClick={() => navigate('/data')}>
              {t('all')}
            </Button>
          }
        />
      </Page>
    )
  }
  if (!value || !version) {
    return (
      <Page parent={parent} title={name}>
        {error ? (
          <ErrorState error={error} onRetry={again} />
        ) : (
          <div className={classes['note']}>{t('loading')}</div>
        )}
      </Page>
    )
  }
  const { dataset, versions, lineage } = value
  const { version: number } = version
  const reference = `${name}@${number}`

  async function remove(): Promise<void> {
    setRefusal(null)
    try {
      await getClient().datasets.removeVersion({ name, version: number })
      notifications.show({ message: t('remove.done', { version: number }), withBorder: true })
      navigate(dataset.versions.length === 1 ? '/data' : pathTo('data', name), { replace: true })
    } catch (refused) {
      setRefusal({ version: number, error: toErrorView(refused) })
    }
  }
  const askToRemove = () =>
    modals.openConfirmModal({
      title: t('remove.title', { version: number }),
      children: t('remove.text'),
      labels: { confirm: t('remove.confirm', { version: number }), cancel: t('common:cancel') },
      confirmProps: { color: 'red' },
      onConfirm: () => void remove(),
    })

  return (
    <Page
      parent={parent}
      title={name}
      note={<Badge>{t(`format.${version.format}`)}</Badge>}
      actions={
        <>
          <Button
            component="a"
            variant="default"
            leftSection={<IconDownload size={15} stroke={1.6} />}
            href={downloadPath(version)}
            download
          >
            {t('export')}
          </Button>
          <Button
            leftSection={<IconPlayerPlay size={15} stroke={1.6} />}
            onClick={() => navigate(`/jobs?new&dataset=${encodeURIComponent(reference)}`)}
          >
            {t('run')}
          </Button>
          <Menu>
            <Menu.Target>
              <ActionIcon aria-label={t('menu', { version: number })}>
                <IconDotsVertical size={16} stroke={1.6} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item
                c="var(--app-failed-text)"
                leftSection={<IconTrash size={15} stroke={1.6} />}
                {...deletion}
                onClick={askToRemove}
              >
                {t('remove.action', { version: number })}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </>
      }
    >
      {params.version !== undefined && params.version !== String(number) && (
        <Attention>{t('versionGone', { asked: params.version, shown: number })}</Attention>
      )}
      {refusal && (
        <Attention
          tone="failed"
          actions={
            <Button variant="default" onClick={() => setRefusal(null)}>
              {t('remove.dismiss')}
            </Button>
          }
        >
          <strong>{t('remove.refused', { version: refusal.version })}.</strong> {refusal.error.message}{' '}
          {refusal.error.code === 'storage.in_use' && t('remove.first')}
        </Attention>
      )}
      <div className={classes['container']}>
        <div className={classes['grid']}>
          <div className={classes['stack']}>
            {version.columns.length > FEW_COLUMNS && (
              <div className={classes['bar']}>
                <SearchField w={240} label={t('columns.find')} value={needle} onChange={setNeedle} />
                <span className={classes['count']}>
                  {t('columns.shown', { shown: drawn.length, count: version.columns.length })}
                </span>
              </div>
            )}
            <RowsPanel key={reference} version={version} columns={drawn} />
            <ColumnsPanel key={`columns of ${reference}`} columns={found} rows={version.rows} />
          </div>
          <div className={classes['stack']}>
            <VersionsPanel versions={versions} selected={number} />
            <LineagePanel version={version} graph={lineage} />
            <AboutPanel version={version} />
            <FilesPanel version={version} />
            <UsePanel version={version} />
          </div>
        </div>
      </div>
    </Page>
  )
}
