import type { ButtonProps } from '@mantine/core'
import { modals } from '@mantine/modals'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Offer } from '../lib/rights'
import { useAct } from '../lib/use-act'
import { BusyButton } from './action-button'

interface Question {
  title: string
  /** What will happen, in a sentence. */
  message: ReactNode
  confirmLabel: string
  onConfirm: () => Promise<unknown>
}

/** Asks before it acts, and says what went wrong. */
export function useConfirm(): { busy: boolean; ask: (question: Question) => void } {
  const { t } = useTranslation('common')
  const { busy, act } = useAct()
  const ask = ({ title, message, confirmLabel, onConfirm }: Question) =>
    modals.openConfirmModal({
      title,
      children: message,
      labels: { confirm: confirmLabel, cancel: t('cancel') },
      confirmProps: { color: 'red.8' },
      onConfirm: () => void act(onConfirm),
    })
  return { busy, ask }
}

interface ConfirmButtonProps extends ButtonProps, Question {
  /** What it began goes on, after `onConfirm` has ended. */
  busy?: boolean
  /** Disabled, with the reason, for who may not. */
  offer?: Offer
  children: ReactNode
  'aria-label'?: string
}

/** A button that asks before it acts, and says what went wrong. */
export function ConfirmButton(props: ConfirmButtonProps) {
  const { title, message, confirmLabel, onConfirm, busy: goesOn = false, offer, ...rest } = props
  const { busy, ask } = useConfirm()
  return (
    <BusyButton
      {...rest}
      {...(offer?.disabled ? offer : {})}
      busy={busy || goesOn}
      onClick={() => ask({ title, message, confirmLabel, onConfirm })}
    />
  )
}
