import { ActionIcon, Button, Menu } from '@mantine/core'
import type { Model, ModelVersion } from '@shared/contract'
import { formatBytes } from '@shared/domain/units'
import {
  IconArrowsDiff,
  IconDotsVertical,
  IconDownload,
  IconFeather,
  IconPlayerPlay,
  IconRocket,
  IconTag,
  IconTrash,
  IconUpload,
} from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel, RelativeTime } from '../../components'
import { chooseAndImport, importDropped } from '../../lib/imports'
import { usePrincipalNames } from '../../lib/principal-names'
import { type Offer, useMachineOffer } from '../../lib/rights'
import { RouteLink } from '../../lib/router'
import { FORMAT_NAMES } from './about'
import { trySetAlias } from './alias-actions'
import { AliasMenu, CanaryBadge } from './alias-badge'
import type { AliasDraft } from './alias-dialog'
import { aliasColour, carriedBy } from './aliases'
import { archiveAddress } from './archive'
import type { CanaryStart } from './canary-dialog'
import { changesSince } from './changes'
import classes from './models.module.css'

/** Longer histories are shown when asked for. */
const SHOWN = 40

/** Takes what becomes the next version: dropped, or a file that is chosen. */
function NextVersion({ model, next }: { model: string; next: number }) {
  const { t } = useTranslation('models')
  const [over, setOver] = useState(false)
  if (useMachineOffer('model.import').disabled) return null
  return (
    <button
      type="button"
      className={classes['drop']}
      data-own-drop
      data-over={over || undefined}
      aria-label={t('chooseVersion', { version: next })}
      onClick={() => chooseAndImport('file', { name: model })}
      onDragEnter={() => setOver(true)}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false)
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
  onCanary: (start: CanaryStart) => void
  onDelete: (version: number) => void
  /** Whether versions may be deleted. */
  deletion: Offer
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
  const main = model.aliases.find(({ alias }) => alias === 'production') ?? model.aliases[0]
  const trial = main && main.version !== number ? { alias: main.alias, version: number } : null
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
        {trial && (
          <Menu.Item leftSection={<IconFeather {...icon} />} onClick={() => actions.onCanary(trial)}>
            {t('action.tryCanary', { alias: trial.alias })}
          </Menu.Item>
        )}
        {model.versions.length > 1 && (
          <Menu.Item leftSection={<IconArrowsDiff {...icon} />} onClick={() => actions.onCompare(number)}>
            {t('action.compare')}
          </Menu.Item>
        )}
        <Menu.Item
          component="a"
          href={archiveAddress(model.name, number)}
          download
          leftSection={<IconDownload {...icon} />}
        >
          {t('action.export')}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item
          c="var(--app-failed-text)"
          leftSection={<IconTrash {...icon} />}
          {...actions.deletion}
          onClick={() => actions.onDelete(number)}
        >
          {t('action.delete')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function Entry(props: {
  model: Model
  version: ModelVersion
  before: ModelVersion | undefined
  selected: boolean
  to: string
  actions: VersionActions
}) {
  const { t } = useTranslation('models')
  const { model, version, selected, actions } = props
  const { version: number } = version
  const nameOf = usePrincipalNames()
  const carried = carriedBy(number, model.aliases)
  const [first] = carried
  const others = model.versions.filter((other) => other !== number)
  const facts = [
    formatBytes(version.sizeBytes),
    FORMAT_NAMES[version.format],
    ...changesSince(props.before, version).map(({ key, values }) => t(`changes.${key}`, values)),
  ]
  return (
    <li
      className={classes['entry']}
      data-selected={selected || undefined}
      style={{ '--mark': first?.canaryWeight ? 'var(--app-waiting)' : aliasColour(first?.alias) }}
    >
      <span className={classes['number']} aria-hidden="true">
        {number}
      </span>
      <div className={classes['entryMain']}>
        <div className={classes['entryHead']}>
          <RouteLink
            to={props.to}
            className={classes['entryLink']}
            aria-current={selected ? 'true' : undefined}
          >
            {t('version', { version: number })}
          </RouteLink>
          {carried.map(({ alias, canaryWeight }) =>
            canaryWeight !== null ? (
              <CanaryBadge key={alias} alias={alias} weight={canaryWeight} />
            ) : (
              <AliasMenu
                key={alias}
                model={model.name}
                alias={alias}
                version={number}
                onMove={() => actions.onAlias({ alias, version: number })}
                onCanary={
                  others[0] === undefined
                    ? undefined
                    : () => actions.onCanary({ alias, version: Math.max(...others) })
                }
              />
            ),
          )}
        </div>
        <div className={classes['note']}>
          <RelativeTime at={version.createdAt} /> · {t('addedBy', { name: nameOf(version.createdBy) })}
        </div>
        <div className={classes['note']}>{facts.join(' · ')}</div>
        {version.tags.length > 0 && (
          <div className={classes['tags']}>
            {version.tags.map((tag) => (
              <span key={tag} className={classes['tag']}>
                {tag}
              </span>
            ))}
          </div>
        )}
      </div>
      <VersionMenu model={model} version={version} actions={actions} />
    </li>
  )
}

/** The versions as a line through time, newest first, each with what is new in it and what can be done with it. */
export function VersionsPanel(props: {
  model: Model
  versions: readonly ModelVersion[]
  selected: number
  /** Where a version of the list leads. */
  pathOf: (version: number) => string
  actions: VersionActions
}) {
  const { t } = useTranslation('models')
  const { model, selected } = props
  const [all, setAll] = useState(false)
  const versions = [...props.versions].sort((a, b) => b.version - a.version)
  const shown = all ? versions : versions.slice(0, SHOWN)
  const next = Math.max(model.latest, ...model.versions) + 1
  return (
    <Panel title={t('versionsTitle')} aside={t('versions', { count: versions.length })}>
      <ol className={classes['timeline']}>
        {shown.map((version, i) => (
          <Entry
            key={version.version}
            model={model}
            version={version}
            before={versions[i + 1]}
            selected={version.version === selected}
            to={props.pathOf(version.version)}
            actions={props.actions}
          />
        ))}
      </ol>
      {versions.length > shown.length && (
        <Button variant="default" mt={8} onClick={() => setAll(true)}>
          {t('versionsAll', { count: versions.length })}
        </Button>
      )}
      <NextVersion model={model.name} next={next} />
    </Panel>
  )
}
