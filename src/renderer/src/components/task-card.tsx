import { ActionIcon } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { notifyError } from '../lib/errors'
import type { StateName } from './colours'
import classes from './components.module.css'
import { StateDot } from './state-dot'

/** A row of the task centre: what goes on, how it stands, and while it can be cancelled a button for that. */
export function TaskCard(props: {
  name: string
  state: StateName
  cancel?: { label: string; act: () => Promise<unknown> } | undefined
  children: ReactNode
}) {
  const { name, state, cancel } = props
  return (
    <li className={classes['task']}>
      <div className={classes['taskHead']}>
        <span className={classes['taskName']} title={name}>
          <bdi>{name}</bdi>
        </span>
        <StateDot state={state} />
        {cancel && (
          <ActionIcon
            size={22}
            aria-label={cancel.label}
            onClick={() => void cancel.act().catch(notifyError)}
          >
            <IconX size={14} stroke={1.6} />
          </ActionIcon>
        )}
      </div>
      {props.children}
    </li>
  )
}
