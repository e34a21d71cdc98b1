import { Button, Loader } from '@mantine/core'
import type { PipelineSummary } from '@shared/contract'
import { shortId } from '@shared/domain/ids'
import { IconPlus, IconSitemap } from '@tabler/icons-react'
import { useCallback, useMemo, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import {
  type Column,
  EmptyState,
  ErrorState,
  ListFoot,
  Meter,
  Page,
  Panel,
  RelativeTime,
  STATE_COLOURS,
  StateDot,
  TwoLines,
  VirtualTable,
} from '../../components'
import { getClient } from '../../lib/client'
import { usePrincipalNames } from '../../lib/principal-names'
import { navigate, pathTo, useRoute } from '../../lib/router'
import { firstPages } from './first-pages'
import { NewPipelineDialog } from './new-pipeline-dialog'
import { PipelinePage } from './pipeline-page'
import classes from './pipelines.module.css'
import { useFollowed } from './use-followed'

const PAGE = 200

/** Every pipeline and how far it is; one of them with its graph. */
export function PipelinesPage() {
  const { params } = useRoute()
  return params.id === undefined ? <PipelineList /> : <PipelinePage key={params.id} id={params.id} />
}

function PipelineList() {
  const { t } = useTranslation('pipelines')
  const { query } = useRoute()
  const nameOf = usePrincipalNames()
  // How many are wanted; each time all of them are asked for, so that what is far down stays right too.
  const pages = useRef(1)
  const ask = useCallback(
    (signal: AbortSignal) =>
      firstPages(
        (cursor) => getClient().compute.pipelines.list({ limit: PAGE, cursor }, { signal }),
        pages.current,
      ),
    [],
  )
  const { value, error, again } = useFollowed(ask, null)
  const columns = useMemo(
    (): Column<PipelineSummary>[] => [
      {
        key: 'name',
        header: t('column.name'),
        width: 'minmax(180px, 2fr)',
        render: (row) => <TwoLines first={row.name} second={shortId(row.id)} />,
      },
      {
        key: 'state',
        header: t('column.state'),
        width: '120px',
        render: (row) => <StateDot state={row.state} />,
      },
      {
        key: 'jobs',
        header: t('column.jobs'),
        width: 'minmax(150px, 1fr)',
        render: (row) => (
          <div className={classes['progress']}>
            <Meter
              label={t('ended', { ended: row.ended, count: row.jobs })}
              parts={[{ share: row.ended / Math.max(1, row.jobs), colour: STATE_COLOURS[row.state] }]}
              width={72}
            />
            <span>
              {row.ended} / {row.jobs}
            </span>
          </div>
        ),
      },
      {
        key: 'principal',
        header: t('column.principal'),
        width: 'minmax(90px, 1fr)',
        hideBelow: 620,
        render: (row) => nameOf(row.principal),
      },
      {
        key: 'created',
        header: t('column.created'),
        width: '110px',
        hideBelow: 520,
        render: (row) => <RelativeTime at={row.createdAt} />,
      },
    ],
    [t, nameOf],
  )
  const close = useCallback(() => navigate('/pipelines', { replace: true }), [])
  const create = (
    <Button leftSection={<IconPlus size={15} stroke={1.6} />} onClick={() => navigate('/pipelines?new')}>
      {t('newPipeline')}
    </Button>
  )
  return (
    <Page title={t('title')} fill actions={create}>
      <Panel flush fill aria-label={t('title')}>
        {error && !value ? (
          <ErrorState error={error} onRetry={again} />
        ) : (
          <div className={classes['list']}>
            <VirtualTable
              label={t('title')}
              rows={value?.items ?? []}
              rowKey={({ id }) => id}
              columns={columns}
              rowHeight={48}
              onSelect={({ id }) => navigate(pathTo('pipelines', id))}
              empty={
                value ? (
                  <EmptyState
                    icon={IconSitemap}
                    title={t('empty.title')}
                    text={t('empty.text')}
                    action={create}
                  />
                ) : (
                  <div className={classes['loading']} role="status" aria-label={t('loading')}>
                    <Loader />
                  </div>
                )
              }
            />
            {value?.more && (
              <ListFoot
                words={error ? error.message : t('newest', { count: value.items.length })}
                more={{
                  label: t('older'),
                  load: () => {
                    pages.current = value.pages + 1
                    again()
                  },
                }}
              />
            )}
          </div>
        )}
      </Panel>
      <NewPipelineDialog opened={query.has('new')} onClose={close} />
    </Page>
  )
}
