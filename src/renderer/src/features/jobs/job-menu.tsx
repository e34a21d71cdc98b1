import { Menu } from '@mantine/core'
import type { Job } from '@shared/contract'
import {
  IconArrowDown,
  IconArrowUp,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconX,
  type TablerIcon,
} from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { type ComponentProps, memo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { doJobAction } from './job-actions'
import { actionsFor, JOB_ACTIONS, type JobAction } from './job-words'
import classes from './jobs.module.css'

const ICONS: Record<JobAction, TablerIcon> = {
  raise: IconArrowUp,
  lower: IconArrowDown,
  hold: IconPlayerPause,
  resume: IconPlayerPlay,
  retry: IconRefresh,
  cancel: IconX,
}

function MenuButton(props: ComponentProps<'button'>) {
  return (
    <button type="button" tabIndex={-1} aria-haspopup="menu" {...props} className={classes['menuButton']} />
  )
}

/** What can be done with a job as it stands. */
export function JobMenuItems({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const possible = actionsFor(job)
  return JOB_ACTIONS.filter((action) => possible.has(action)).map((action) => {
    const Icon = ICONS[action]
    return (
      <Menu.Item
        key={action}
        leftSection={<Icon size={15} stroke={1.6} />}
        c={action === 'cancel' ? 'var(--app-failed-text)' : undefined}
        onClick={() => doJobAction(job, action)}
      >
        {t(`action.${action}`)}
      </Menu.Item>
    )
  })
}

function OpenedMenu({ job, label, onClose }: { job: Job; label: string; onClose: () => void }) {
  const button = useRef<HTMLButtonElement>(null)
  const close = () => {
    // The button is made anew; the table is what takes keys.
    button.current?.closest<HTMLElement>('[role="grid"]')?.focus({ preventScroll: true })
    onClose()
  }
  return (
    <Menu opened onChange={(opened) => !opened && close()}>
      <Menu.Target>
        <MenuButton ref={button} aria-label={label} onClick={(event) => event.stopPropagation()} />
      </Menu.Target>
      <Menu.Dropdown onClick={(event) => event.stopPropagation()}>
        <JobMenuItems job={job} />
      </Menu.Dropdown>
    </Menu>
  )
}

/** The menu of a row. It is made when it is opened: a table that scrolls cannot afford one for every row. */
export const JobMenu = memo(function JobMenu({ job, t }: { job: Job; t: TFunction<'jobs'> }) {
  const [opened, setOpened] = useState(false)
  const label = t('menu', { name: job.name })
  if (opened) return <OpenedMenu job={job} label={label} onClose={() => setOpened(false)} />
  return (
    <MenuButton
      aria-label={label}
      onClick={(event) => {
        event.stopPropagation()
        setOpened(true)
      }}
    />
  )
})
