import { Badge } from '@mantine/core'
import type { Plugin } from '@shared/contract'
import { IconPuzzle } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  BusyButton,
  EmptyState,
  ErrorState,
  IdText,
  Panel,
  RelativeTime,
  StateDot,
  type StateName,
  useConfirm,
} from '../../components'
import { getClient } from '../../lib/client'
import { formatBytes } from '../../lib/format'
import { usePrincipalNames } from '../../lib/principal-names'
import { useMachineOffer } from '../../lib/rights'
import { useSystemInfo } from '../../lib/stores'
import { FindingList } from '../imports'
import { FORMAT_NAMES } from '../models'
import { AllowDialog } from './allow-dialog'
import classes from './runtimes.module.css'
import { usePlugins, useRuntimes } from './store'

const DOTS: Record<Plugin['state'], StateName> = {
  allowed: 'allow',
  waiting: 'waiting',
  changed: 'warn',
  refused: 'reject',
}

/** Runtimes of third parties: which there are, what they may do, and the decision about each. */
export function PluginPanel() {
  const { t } = useTranslation('runtimes')
  const { value: plugins, error, refresh } = usePlugins()
  const dataDir = useSystemInfo((state) => state.value?.dataDir)
  // As it was when the person asked: they allow what they read, not what the files have become meanwhile.
  const [asked, setAsked] = useState<Plugin | null>(null)
  const folder = dataDir === undefined ? null : `${dataDir}/plugins`
  return (
    <Panel title={t('plugins')} aside={folder !== null && <IdText id={folder} text={folder} />}>
      {error && !plugins ? (
        <ErrorState error={error} onRetry={() => void refresh()} />
      ) : plugins?.length === 0 ? (
        <EmptyState compact icon={IconPuzzle} title={t('noPlugins')} text={t('noPluginsText')} />
      ) : (
        <ul className={classes['plugins']}>
          {plugins?.map((plugin) => (
            <PluginRow key={plugin.id} plugin={plugin} onAsk={() => setAsked(plugin)} />
          ))}
        </ul>
      )}
      <AllowDialog plugin={asked} onClose={() => setAsked(null)} />
    </Panel>
  )
}

function PluginRow({ plugin, onAsk }: { plugin: Plugin; onAsk: () => void }) {
  const { t } = useTranslation('runtimes')
  const { allowedAt, allowedBy, files, findings, formats, id, name, sizeBytes, state, version } = plugin
  const nameOf = usePrincipalNames()
  const facts = [version, t('files', { count: files, bytes: formatBytes(sizeBytes) })].filter(Boolean)
  return (
    <li id={`plugin-${id}`} tabIndex={-1} aria-label={name}>
      <div className={classes['pluginHead']}>
        <div className={classes['grow']}>
          <strong>
            <bdi>{name}</bdi>
          </strong>{' '}
          <span className={classes['quiet']}>{facts.join(' · ')}</span>
          <div className={classes['badges']}>
            {formats.map((format) => (
              <Badge key={format}>{FORMAT_NAMES[format]}</Badge>
            ))}
          </div>
        </div>
        <StateDot state={DOTS[state]} label={t(`plugin_${state}`)} />
        {state !== 'refused' && <Decide plugin={plugin} onAsk={onAsk} />}
      </div>
      <div className={classes['quiet']}>
        {t(`plugin_${state}Text`)}
        {allowedBy !== null && (
          <>
            {' '}
            {t('allowedBy', { name: nameOf(allowedBy) })} <RelativeTime at={allowedAt} />
          </>
        )}
      </div>
      {findings.length > 0 && <FindingList findings={findings} />}
    </li>
  )
}

/** One button, which keeps the focus when what was allowed can be disallowed, and the other way round. */
function Decide({ plugin: { id, name, state }, onAsk }: { plugin: Plugin; onAsk: () => void }) {
  const { t } = useTranslation('runtimes')
  const { busy, ask } = useConfirm()
  const isAllowed = state === 'allowed'
  const disallow = () =>
    ask({
      title: t('disallowTitle', { name }),
      message: t('disallowText'),
      confirmLabel: t('disallow'),
      onConfirm: async () => {
        await getClient().compute.plugins.disallow({ id })
        await Promise.all([usePlugins.getState().refresh(), useRuntimes.getState().refresh()])
      },
    })
  return (
    <BusyButton
      size="compact-xs"
      variant={isAllowed ? 'default' : 'filled'}
      {...useMachineOffer('plugin.manage')}
      busy={busy}
      aria-label={t(isAllowed ? 'disallowLabel' : 'allowLabel', { name })}
      onClick={isAllowed ? disallow : onAsk}
    >
      {t(isAllowed ? 'disallow' : 'allow')}
    </BusyButton>
  )
}
