import { VisuallyHidden } from '@mantine/core'
import type { EngineView, RuntimeView } from '@shared/contract'
import { IconStackPush } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import {
  Bytes,
  type Column,
  ConfirmButton,
  Duration,
  EmptyState,
  Panel,
  RelativeTime,
  StateDot,
  TwoLines,
  VirtualTable,
} from '../../components'
import { getClient } from '../../lib/client'
import { deviceLabel } from '../../lib/devices'
import { formatBytes, formatDuration } from '../../lib/format'
import { useMachineOffer } from '../../lib/rights'
import { pathTo, RouteLink } from '../../lib/router'
import { useDevices } from '../../lib/stores'
import classes from './runtimes.module.css'
import { useIdleMs, useRuntimes } from './store'

/** The models that are loaded now: in what, how much memory each takes, for how long it has been idle. */
export function EngineTable(props: { engines: readonly EngineView[]; runtimes: readonly RuntimeView[] }) {
  const { t } = useTranslation('runtimes')
  const { engines } = props
  const columns = useColumns(props.runtimes)
  const idleMs = useIdleMs((state) => state.value)
  const bytes = engines.reduce((sum, engine) => sum + engine.memoryBytes, 0)
  return (
    <Panel
      flush
      title={t('engines')}
      aside={engines.length > 0 && t('enginesText', { count: engines.length, bytes: formatBytes(bytes) })}
    >
      {engines.length === 0 ? (
        <EmptyState compact icon={IconStackPush} title={t('noEngines')} text={t('noEnginesText')} />
      ) : (
        <VirtualTable
          label={t('engines')}
          rows={engines}
          rowKey={(engine) => engine.id}
          columns={columns}
          rowHeight={48}
          maxHeight={360}
        />
      )}
      {idleMs !== null && (
        <div className={classes['foot']}>
          {t('idleRule', { time: formatDuration(idleMs) })}{' '}
          <RouteLink to={pathTo('settings')}>{t('changeInSettings')}</RouteLink>
        </div>
      )}
    </Panel>
  )
}

function useColumns(runtimes: readonly RuntimeView[]): Column<EngineView>[] {
  const { t } = useTranslation('runtimes')
  const devices = useDevices((state) => state.items)
  const nameOf = (id: string) => runtimes.find((runtime) => runtime.id === id)?.name ?? id
  const placeOf = ({ backend: name, device }: EngineView) => {
    const backend = t(`backend.${name}`, { defaultValue: name })
    return device === null ? backend : t('boundTo', { backend, device: deviceLabel(device, devices) })
  }
  return [
    {
      key: 'model',
      width: 'minmax(150px, 2fr)',
      header: t('column.model'),
      render: (engine) => (
        <TwoLines
          first={<ModelLink engine={engine} />}
          second={engine.version === 0 ? null : nameOf(engine.runtime)}
        />
      ),
    },
    {
      key: 'on',
      width: 'minmax(110px, 1.2fr)',
      hideBelow: 680,
      header: t('column.on'),
      render: (engine) => (
        <TwoLines
          first={<span title={placeOf(engine)}>{placeOf(engine)}</span>}
          second={engine.pid === null ? null : t('process', { pid: engine.pid })}
        />
      ),
    },
    {
      key: 'memory',
      width: '90px',
      header: t('column.memory'),
      render: (engine) => <Bytes value={engine.memoryBytes} />,
    },
    {
      key: 'state',
      width: 'minmax(90px, 1fr)',
      header: t('column.state'),
      render: (engine) => (
        <div className={classes['state']}>
          <StateDot state={engine.state} />
          {engine.idleSince !== null && (
            <div className={classes['quiet']}>
              <RelativeTime at={engine.idleSince} />
            </div>
          )}
        </div>
      ),
    },
    {
      key: 'loaded',
      width: '86px',
      hideBelow: 740,
      header: t('column.loaded'),
      render: (engine) => <Duration ms={engine.loadMs} />,
    },
    { key: 'runs', width: '60px', hideBelow: 740, header: t('column.runs'), render: (engine) => engine.runs },
    {
      key: 'actions',
      width: '80px',
      align: 'end',
      header: <VisuallyHidden>{t('column.actions')}</VisuallyHidden>,
      render: (engine) => <Unload engine={engine} />,
    },
  ]
}

function ModelLink({ engine }: { engine: EngineView }) {
  const { t } = useTranslation('runtimes')
  const { model, version } = engine
  // What runs without a model is no version of one.
  if (version === 0) return <span>{t('noModel')}</span>
  const label = t('engine', { model, version })
  return (
    <RouteLink to={pathTo('models', model, version)} className={classes['link']} title={label}>
      {label}
    </RouteLink>
  )
}

function Unload({ engine }: { engine: EngineView }) {
  const { t } = useTranslation('runtimes')
  const { model, version } = engine
  return (
    <ConfirmButton
      size="compact-xs"
      disabled={engine.state !== 'idle'}
      offer={useMachineOffer('runtime.manage')}
      aria-label={t('unloadLabel', { model, version })}
      title={t('unloadTitle')}
      message={t('unloadText')}
      confirmLabel={t('unload')}
      onConfirm={async () => {
        await getClient().compute.runtimes.unload({ id: engine.id })
        await useRuntimes.getState().refresh()
      }}
    >
      {t('unload')}
    </ConfirmButton>
  )
}
