import { Menu } from '@mantine/core'
import { IconArrowsUpDown, IconFeather, IconTagOff } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { formatPercent } from '../../lib/format'
import { askToRemoveAlias } from './alias-actions'
import { aliasColour } from './aliases'
import classes from './models.module.css'

/** An alias as a word with its dot. */
export function AliasBadge({ alias }: { alias: string }) {
  return (
    <span className={classes['alias']} style={{ '--mark': aliasColour(alias) }}>
      {alias}
    </span>
  )
}

/** An alias of which a version gets a share only: its canary. */
export function CanaryBadge({ alias, weight }: { alias: string; weight: number }) {
  const { t } = useTranslation('models')
  return (
    <span className={classes['alias']} style={{ '--mark': 'var(--app-waiting)' }}>
      {t('canary.badge', { alias, share: formatPercent(weight) })}
    </span>
  )
}

/** The same as a button with what can be done with it. */
export function AliasMenu(props: {
  model: string
  alias: string
  version: number
  onMove: () => void
  /** Absent where there is no other version to try. */
  onCanary?: (() => void) | undefined
}) {
  const { t } = useTranslation('models')
  const { model, alias, version } = props
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <button
          type="button"
          className={classes['alias']}
          style={{ '--mark': aliasColour(alias) }}
          aria-label={t('aliasMenu', { alias, version })}
        >
          {alias}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconArrowsUpDown size={15} stroke={1.6} />} onClick={props.onMove}>
          {t('action.moveAlias')}
        </Menu.Item>
        {props.onCanary && (
          <Menu.Item leftSection={<IconFeather size={15} stroke={1.6} />} onClick={props.onCanary}>
            {t('action.canary')}
          </Menu.Item>
        )}
        <Menu.Item
          c="var(--app-failed-text)"
          leftSection={<IconTagOff size={15} stroke={1.6} />}
          onClick={() => askToRemoveAlias(model, alias)}
        >
          {t('action.removeAlias')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
