import { ActionIcon, Menu } from '@mantine/core'
import type { Job } from '@shared/contract'
import {
  IconArrowDown,
  IconArrowUp,
  IconDotsVertical,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconX,
  type TablerIcon,
} from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { doJobAction } from './job-actions'
import { actionsFor, JOB_ACTIONS, type JobAction } from './job-words'

const ICONS: Record<JobAction, TablerIcon> = {
  raise: IconArrowUp,
  lower: IconArrowDown,
  hold: IconPlayerPause,
  resume: IconPlayerPlay,
  retry: IconRefresh,
  cancel: IconX,
}

/** The menu of a row. */
export function JobMenu({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const possible = actionsFor(job)
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon
          size={26}
          tabIndex={-1}
          aria-label={t('menu', { name: job.name })}
          onClick={(event) => event.stopPropagation()}
        >
          <IconDotsVertical size={16} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown onClick={(event) => event.stopPropagation()}>
        {JOB_ACTIONS.filter((action) => possible.has(action)).map((action) => {
          const Icon = ICONS[action]
          return (
            <Menu.Item
              key={action}
              leftSection={<Icon size={15} stroke={1.6} />}
              color={action === 'cancel' ? 'red' : undefined}
              onClick={() => doJobAction(job, action)}
            >
              {t(`action.${action}`)}
            </Menu.Item>
          )
        })}
      </Menu.Dropdown>
    </Menu>
  )
}
