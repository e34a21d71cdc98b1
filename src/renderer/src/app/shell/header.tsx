import {
  ActionIcon,
  Avatar,
  Kbd,
  Menu,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { spotlight } from '@mantine/spotlight'
import { IconLock, IconLogout, IconMoon, IconSearch, IconSettings, IconSun } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { notifyError } from '../../lib/errors'
import { commandKey, hostBridge } from '../../lib/host'
import { i18n } from '../../lib/i18n'
import { navigate, RouteLink } from '../../lib/router'
import { useMe, useSystemInfo } from '../../lib/stores'
import { Logo } from '../logo'
import { NotificationCentre } from './notification-centre'
import classes from './shell.module.css'
import { TaskCentre } from './task-centre'

export function Header() {
  const { t } = useTranslation('shell')
  const hostname = useSystemInfo((state) => state.value?.hostname)
  return (
    <header className={classes['header']}>
      <RouteLink to="/overview" className={classes['brand']} aria-label="LLMAgentOS">
        <Logo />
        <strong>LLMAgentOS</strong>
        <span className={classes['host']} title={hostname}>
          {hostname}
        </span>
      </RouteLink>
      <button type="button" className={classes['search']} onClick={spotlight.open}>
        <IconSearch size={15} stroke={1.6} aria-hidden="true" />
        <span>{t('search')}</span>
        <span className={classes['searchKeys']} aria-hidden="true">
          <Kbd size="xs">{commandKey()}</Kbd>
          <Kbd size="xs">K</Kbd>
        </span>
      </button>
      <div className={classes['tools']}>
        <TaskCentre />
        <NotificationCentre />
        <ThemeSwitch />
        <Account />
      </div>
    </header>
  )
}

function ThemeSwitch() {
  const { t } = useTranslation('shell')
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('dark') === 'dark'
  const label = dark ? t('toLight') : t('toDark')
  const Icon = dark ? IconSun : IconMoon
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
        <Icon size={17} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  )
}

function Account() {
  const { t } = useTranslation('shell')
  const me = useMe((state) => state.value)
  if (!me) return null
  const signOut = async () => {
    await fetch('/session', { method: 'DELETE' })
    location.reload()
  }
  return (
    <Menu width={220}>
      <Menu.Target>
        <button type="button" className={classes['avatar']} aria-label={`${t('account')}: ${me.name}`}>
          <Avatar size={26} radius="xl" color="indigo" variant="filled">
            {me.name.slice(0, 1).toUpperCase()}
          </Avatar>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <div className={classes['account']}>
          <div className={classes['quiet']}>{t('signedInAs')}</div>
          <strong>{me.name}</strong>{' '}
          <span className={classes['quiet']}>
            {me.roles.map((role) => i18n.t(`access:role.${role}`)).join(', ')}
          </span>
        </div>
        <Menu.Divider />
        {!me.hasPassword && (
          <Menu.Item
            leftSection={<IconLock size={17} stroke={1.6} />}
            onClick={() => navigate('/settings?password')}
          >
            {t('offerPassword')}
          </Menu.Item>
        )}
        <Menu.Item
          leftSection={<IconSettings size={17} stroke={1.6} />}
          onClick={() => navigate('/settings')}
        >
          {t('page.settings')}
        </Menu.Item>
        {!hostBridge() && (
          <Menu.Item
            leftSection={<IconLogout size={17} stroke={1.6} />}
            onClick={() => signOut().catch(notifyError)}
          >
            {t('signOut')}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
