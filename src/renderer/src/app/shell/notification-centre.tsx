import { ActionIcon, Indicator, Popover, Tooltip } from '@mantine/core'
import { IconBell, IconCircleCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { AuditRecord, Import, Job } from '../../../../shared/contract'
import { EmptyState, RelativeTime, StateDot } from '../../components'
import { useDenialWords } from '../../features/activity'
import { reasonOf } from '../../features/imports'
import { readSetting, writeSetting } from '../../lib/local-settings'
import { pathTo, RouteLink } from '../../lib/router'
import { useAudit, useImports, useJobs } from '../../lib/stores'
import { codedWords } from '../../lib/words'
import classes from './shell.module.css'

export interface Notice {
  key: string
  at: string
  state: 'failed' | 'rejected' | 'deny'
  title: string
  text: string
  to: string
}

const SHOWN = 30

/** The newest failures and denials, newest first. */
export function noticesOf(
  jobs: Iterable<Job>,
  imports: Iterable<Import>,
  audit: Iterable<AuditRecord>,
  denial: ReturnType<typeof useDenialWords>,
): Notice[] {
  // Put into words when they are known to be shown: there may be thousands.
  const found: { at: string; notice: () => Notice }[] = []
  for (const { id, name, state, finishedAt, error } of jobs) {
    if (state !== 'failed' || !finishedAt) continue
    const notice = (): Notice => ({
      key: id,
      at: finishedAt,
      state: 'failed',
      title: name,
      text: error ? codedWords(error) : '',
      to: pathTo('jobs', id),
    })
    found.push({ at: finishedAt, notice })
  }
  for (const item of imports) {
    const { id, state, source, finishedAt } = item
    if ((state !== 'failed' && state !== 'rejected') || !finishedAt) continue
    const notice = (): Notice => ({
      key: id,
      at: finishedAt,
      state,
      title: source,
      text: reasonOf(item),
      to: '/models',
    })
    found.push({ at: finishedAt, notice })
  }
  for (const record of audit) {
    if (record.decision !== 'deny') continue
    const notice = (): Notice => ({
      key: record.id,
      at: record.at,
      state: 'deny',
      title: record.principalName,
      text: Object.values(denial(record)).filter(Boolean).join(' · '),
      to: '/activity',
    })
    found.push({ at: record.at, notice })
  }
  return found
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .slice(0, SHOWN)
    .map(({ notice }) => notice())
}

/** Recent failures, refusals and denials, with a badge for those not looked at. */
export function NotificationCentre() {
  const { t } = useTranslation('shell')
  const [opened, setOpened] = useState(false)
  const [seenAt, setSeenAt] = useState(() => readSetting('notices-seen') ?? '')
  const jobs = useJobs((state) => state.items)
  const imports = useImports((state) => state.items)
  const audit = useAudit((state) => state.items)
  const denial = useDenialWords()
  const notices = noticesOf(jobs.values(), imports.values(), audit.values(), denial)
  const fresh = notices.filter((notice) => notice.at > seenAt).length
  const label = fresh > 0 ? t('notificationsNew', { count: fresh }) : t('notifications')

  function toggle(open: boolean): void {
    setOpened(open)
    const newest = notices[0]?.at
    if (open || !newest) return
    setSeenAt(newest)
    writeSetting('notices-seen', newest)
  }

  return (
    <Popover opened={opened} onChange={toggle} width={380} position="bottom-end" trapFocus>
      <Popover.Target>
        <Tooltip label={label} disabled={opened}>
          <ActionIcon aria-label={label} aria-expanded={opened} onClick={() => toggle(!opened)}>
            <Indicator size={7} offset={1} disabled={fresh === 0} color="red.6">
              <IconBell size={17} stroke={1.6} />
            </Indicator>
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown p={0} aria-label={t('notifications')}>
        <div className={classes['dropHead']}>
          <strong>{t('notifications')}</strong>
        </div>
        {notices.length === 0 ? (
          <EmptyState
            compact
            icon={IconCircleCheck}
            title={t('notificationsEmpty')}
            text={t('notificationsEmptyText')}
          />
        ) : (
          <ul className={classes['tasks']}>
            {notices.map((notice) => (
              <li key={notice.key}>
                <RouteLink to={notice.to} className={classes['notice']} onClick={() => toggle(false)}>
                  <div className={classes['taskHead']}>
                    <span className={classes['taskName']} title={notice.title}>
                      {notice.title}
                    </span>
                    <StateDot state={notice.state} />
                  </div>
                  <div className={classes['taskWhy']}>{notice.text}</div>
                  <div className={classes['quiet']}>
                    <RelativeTime at={notice.at} />
                  </div>
                </RouteLink>
              </li>
            ))}
          </ul>
        )}
      </Popover.Dropdown>
    </Popover>
  )
}
