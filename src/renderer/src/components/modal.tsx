import { Modal as MantineModal, type ModalProps } from '@mantine/core'
import { useCountedDialog } from '../lib/dialogs'

/** Mantine's, known to the rest of the window while it is open: nothing else opens over it by itself. */
export function Modal(props: ModalProps) {
  useCountedDialog(props.opened)
  return <MantineModal {...props} />
}
