import { Button, type ButtonProps } from '@mantine/core'
import { modals } from '@mantine/modals'
import type { ReactNode } from 'react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { notifyError } from '../lib/errors'

/** A button that asks before it acts, and says what went wrong. */
export function ConfirmButton(
  props: ButtonProps & {
    title: string
    /** What will happen, in a sentence. */
    message: ReactNode
    confirmLabel: string
    onConfirm: () => Promise<unknown>
    children: ReactNode
    'aria-label'?: string
  },
) {
  const { title, message, confirmLabel, onConfirm, ...rest } = props
  const { t } = useTranslation('common')
  const [busy, setBusy] = useState(false)
  const act = async () => {
    setBusy(true)
    try {
      await onConfirm()
    } catch (error) {
      notifyError(error)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Button
      variant="default"
      {...rest}
      loading={busy}
      onClick={() =>
        modals.openConfirmModal({
          title,
          children: message,
          labels: { confirm: confirmLabel, cancel: t('cancel') },
          confirmProps: { color: 'red.8' },
          onConfirm: () => void act(),
        })
      }
    />
  )
}
