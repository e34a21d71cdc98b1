import { ActionIcon, Menu } from '@mantine/core'
import type { Model, ModelVersion } from '@shared/contract'
import {
  IconArrowsDiff,
  IconDotsVertical,
  IconPlayerPlay,
  IconRocket,
  IconTag,
  IconTrash,
  IconUpload,
} from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel, RelativeTime } from '../../components'
import { hostBridge } from '../../lib/host'
import { chooseAndImport, importDropped } from '../../lib/imports'
import { usePrincipalNames } from '../../lib/principal-names'
import { pathTo, RouteLink } from '../../lib/router'
import { trySetAlias } from './alias-actions'
import { AliasMenu } from './alias-badge'
import type { AliasDraft } from './alias-dialog'
import { aliasColour, sortAliases } from './aliases'
import classes from './models.module.css'

/** Takes a file for the next version: dropped, or chosen. In a browser folders go to the window, which can read them. */
function NextVersion({ model, next }: { model: string; next: number }) {
  const { t } = useTranslation('models')
  const [over, setOver] = useState(false)
  return (
    <button
      type="button"
      className={classes['drop']}
      data-own-drop={hostBridge() ? true : undefined}
      data-over={over || undefined}
      aria-label={t('chooseVersion', { version: next })}
      onClick={() => chooseAndImport('file', { name: model })}
      onDragEnter={() => setOver(true)}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false)
        if (!hostBridge()) return
        event.preventDefault()
        void importDropped(event.dataTransfer, { name: model })
      }}
    >
      <IconUpload size={17} stroke={1.6} />
      {t(over ? 'dropVersionOver' : 'dropVersion', { version: next })}
    </button>
  )
}

export interface VersionActions {
  onAlias: (draft: AliasDraft) => void
  onRun: (version: number) => void
  onCompare: (version: number) => void
  onDelete: (version: number) => void
}

function VersionMenu({
  model,
  version,
  actions,
}: {
  model: Model
  version: ModelVersion
  actions: VersionActions
}) {
  const { t } = useTranslation('models')
  const { version: number } = version
  const icon = { size: 15, stroke: 1.6 }
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon size={24} aria-label={t('menu', { version: number })}>
          <IconDotsVertical size={16} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {!version.aliases.includes('production') && (
          <Menu.Item
            leftSection={<IconRocket {...icon} />}
            onClick={() => trySetAlias(model.name, 'production', number)}
          >
            {t('action.production')}
          </Menu.Item>
        )}
        <Menu.Item
          leftSection={<IconTag {...icon} />}
          onClick={() => actions.onAlias({ alias: '', version: number })}
        >
          {t('action.setAlias')}
        </Menu.Item>
        <Menu.Item leftSection={<IconPlayerPlay {...icon} />} onClick={() => actions.onRun(number)}>
          {t('action.run')}
        </Menu.Item>
        {model.versions.length > 1 && (
          <Menu.Item leftSection={<IconArrowsDiff {...icon} />} onClick={() => actions.onCompare(number)}>
            {t('action.compare')}
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Item color="red" leftSection={<IconTrash {...icon} />} onClick={() => actions.onDelete(number)}>
          {t('action.delete')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

/** The versions as a line through time, newest first, each with its aliases and what can be done with it. */
export function VersionsPanel(props: {
  model: Model
  versions: readonly ModelVersion[]
  selected: number
  actions: VersionActions
}) {
  const { t } = useTranslation('models')
  const { model, selected, actions } = props
  const nameOf = usePrincipalNames()
  const versions = [...props.versions].sort((a, b) => b.version - a.version)
  const next = Math.max(model.latest, ...model.versions) + 1
  return (
    <Panel title={t('versionsTitle')}>
      <ol className={classes['timeline']}>
        {versions.map((version) => {
          const aliases = sortAliases(version.aliases)
          return (
            <li
              key={version.version}
              className={classes['entry']}
              data-selected={version.version === selected || undefined}
              style={{ '--mark': aliasColour(aliases[0]) }}
            >
              <span className={classes['number']} aria-hidden="true">
                {version.version}
              </span>
              <div className={classes['entryMain']}>
                <div className={classes['entryHead']}>
                  <RouteLink
                    to={pathTo('models', model.name, version.version)}
                    className={classes['entryLink']}
                    aria-current={version.version === selected ? 'true' : undefined}
                  >
                    {t('version', { version: version.version })}
                  </RouteLink>
                  {aliases.map((alias) => (
                    <AliasMenu
                      key={alias}
                      model={model.name}
                      alias={alias}
                      version={version.version}
                      onMove={() => actions.onAlias({ alias, version: version.version })}
                    />
                  ))}
                </div>
                <div className={classes['note']}>
                  <RelativeTime at={version.createdAt} /> ·{' '}
                  {t('addedBy', { name: nameOf(version.createdBy) })}
                </div>
              </div>
              <VersionMenu model={model} version={version} actions={actions} />
            </li>
          )
        })}
      </ol>
      <NextVersion model={model.name} next={next} />
    </Panel>
  )
}
