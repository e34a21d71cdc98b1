import type { ModalProps } from '@mantine/core'
import { useEffect, useState } from 'react'
import { Modal } from '../../../components'

/** A dialog that is there only while it is open; the focus then goes back to where it was. */
export function Dialog(props: Omit<ModalProps, 'opened' | 'returnFocus'>) {
  // Mantine gives the focus back when `opened` changes, which here it never does.
  const [before] = useState(() => document.activeElement)
  useEffect(
    () => () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true })
    },
    [before],
  )
  return <Modal opened {...props} />
}
