import { Button, type ButtonProps } from '@mantine/core'
import { useAct } from '../lib/use-act'

interface ActionButtonProps extends ButtonProps {
  'aria-label'?: string
  title?: string
}

interface BusyButtonProps extends ActionButtonProps {
  busy: boolean
  type?: 'button' | 'submit'
  onClick?: () => void
}

/** A button that is busy: it takes no click, and keeps the focus, which one that is disabled loses for good. */
export function BusyButton({ busy, onClick, ...rest }: BusyButtonProps) {
  return (
    <Button
      variant="default"
      {...rest}
      loading={busy}
      onClick={(event) => (busy ? event.preventDefault() : onClick?.())}
      renderRoot={({ disabled, ...root }) => (
        <button {...root} disabled={disabled && !busy} aria-disabled={busy || undefined} />
      )}
    />
  )
}

/** Sends its form, but not once more while that works: Enter in a field is a click on this button, too. */
export function SubmitButton(props: Omit<BusyButtonProps, 'type' | 'onClick'>) {
  return <BusyButton variant="filled" {...props} type="submit" />
}

/** A button that acts once at a time, and says what went wrong. */
export function ActionButton({ onAct, ...rest }: ActionButtonProps & { onAct: () => Promise<unknown> }) {
  const { busy, act } = useAct()
  return <BusyButton {...rest} busy={busy} onClick={() => void act(onAct)} />
}
