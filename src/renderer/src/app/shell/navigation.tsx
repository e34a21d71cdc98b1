import { Tooltip } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { useTranslation } from 'react-i18next'
import { isTerminal } from '../../../../shared/domain/job-state'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { PAGES, type PageName, RouteLink, useRoute } from '../../lib/router'
import { useJobs } from '../../lib/stores'
import { ROUTES } from '../routes'
import classes from './shell.module.css'

export function Navigation() {
  const { t } = useTranslation('shell')
  const narrow = useMediaQuery('(max-width: 899px)') ?? false
  return (
    <nav className={classes['nav']} aria-label={t('navigation')}>
      {PAGES.map((page) => (
        <NavigationLink key={page} page={page} narrow={narrow} />
      ))}
    </nav>
  )
}

function NavigationLink({ page, narrow }: { page: PageName; narrow: boolean }) {
  const { t } = useTranslation('shell')
  const current = useRoute().page === page
  const Icon = ROUTES[page].icon
  const title = t(`page.${page}`)
  return (
    <Tooltip
      label={title}
      position="right"
      disabled={!narrow}
      events={{ hover: true, focus: true, touch: false }}
    >
      <RouteLink
        to={`/${page}`}
        className={classes['navLink']}
        data-page={page}
        aria-current={current ? 'page' : undefined}
        aria-label={title}
      >
        <Icon size={17} stroke={1.6} aria-hidden="true" />
        <span className={classes['navText']}>{title}</span>
        {page === 'jobs' && <ActiveJobs />}
      </RouteLink>
    </Tooltip>
  )
}

function ActiveJobs() {
  const { t } = useTranslation('shell')
  const locale = localeOf(useLanguage((state) => state.language))
  const count = useJobs((state) => {
    let active = 0
    for (const job of state.items.values()) if (!isTerminal(job.state)) active++
    return active
  })
  if (count === 0) return null
  return (
    <span className={classes['navCount']} title={t('activeJobs', { count })}>
      {formatNumber(count, locale, 0)}
    </span>
  )
}
