import type { ButtonProps } from '@mantine/core'
import { modals } from '@mantine/modals'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useAct } from '../lib/use-act'
import { BusyButton } from './action-button'

/** A button that asks before it acts, and says what went wrong. */
export function ConfirmButton(
  props: ButtonProps & {
    title: string
    /** What will happen, in a sentence. */
    message: ReactNode
    confirmLabel: string
    onConfirm: () => Promise<unknown>
    /** What it began goes on, after `onConfirm` has ended. */
    busy?: boolean
    children: ReactNode
    'aria-label'?: string
  },
) {
  const { title, message, confirmLabel, onConfirm, busy: goesOn = false, ...rest } = props
  const { t } = useTranslation('common')
  const { busy: acts, act } = useAct()
  return (
    <BusyButton
      {...rest}
      busy={acts || goesOn}
      onClick={() =>
        modals.openConfirmModal({
          title,
          children: message,
          labels: { confirm: confirmLabel, cancel: t('cancel') },
          confirmProps: { color: 'red.8' },
          onConfirm: () => void act(onConfirm),
        })
      }
    />
  )
}
