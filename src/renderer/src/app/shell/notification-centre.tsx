import { ActionIcon, Indicator, Popover, Tooltip } from '@mantine/core'
import { IconBell, IconCircleCheck } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
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

interface Notice {
  key: string
  at: string
  state: 'failed' | 'rejected' | 'deny'
  title: string
  text: string
  to: string
}

const SHOWN = 30

/** What a notice is of; it is put into words only when it is shown. */
interface Found {
  at: string
  notice: (denial: ReturnType<typeof useDenialWords>) => Notice
}

/** The newest failures and denials, newest first. */
function newestOf(jobs: Iterable<Job>, imports: Iterable<Import>, audit: Iterable<AuditRecord>): Found[] {
  const found: Found[] = []
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
    const notice: Found['notice'] = (denial) => ({
      key: record.id,
      at: record.at,
      state: 'deny',
      title: record.principalName,
      text: Object.values(denial(record)).filter(Boolean).join(' · '),
      to: '/activity',
    })
    found.push({ at: record.at, notice })
  }
  return found.sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, SHOWN)
}

/** Recent failures, refusals and denials, with a badge for those not looked at. */
export function NotificationCentre() {
  const { t } = useTranslation('shell')
  const [opened, setOpened] = useState(false)
  const [seenAt, setSeenAt] = useState(() => readSetting('notices-seen') ?? '')
  const jobs = useJobs((state) => state.items)
  const imports = useImports((state) => state.items)
  const audit = useAudit((state) => state.items)
  const found = useMemo(
    () => newestOf(jobs.values(), imports.values(), audit.values()),
    [jobs, imports, audit],
  )
  const fresh = found.filter(({ at }) => at > seenAt).length
  const label = fresh > 0 ? t('notificationsNew', { count: fresh }) : t('notifications')

  function toggle(open: boolean): void {
    setOpened(open)
    const newest = found[0]?.at
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
        {found.length === 0 ? (
          <EmptyState
            compact
            icon={IconCircleCheck}
            title={t('notificationsEmpty')}
            text={t('notificationsEmptyText')}
          />
        ) : (
          <Notices found={found} onLeave={() => toggle(false)} />
        )}
      </Popover.Dropdown>
    </Popover>
  )
}

function Notices({ found, onLeave }: { found: readonly Found[]; onLeave: () => void }) {
  const denial = useDenialWords()
  return (
    <ul className={classes['tasks']}>
      {found.map(({ notice }) => {
        const { key, at, state, title, text, to } = notice(denial)
        return (
          <li key={key}>
            <RouteLink to={to} className={classes['notice']} onClick={onLeave}>
              <div className={classes['taskHead']}>
                <span className={classes['taskName']} title={title}>
                  {title}
                </span>
                <StateDot state={state} />
              </div>
              <div className={classes['taskWhy']}>{text}</div>
              <div className={classes['quiet']}>
                <RelativeTime at={at} />
              </div>
            </RouteLink>
          </li>
        )
      })}
    </ul>
  )
}
