import { Button, type ButtonProps } from '@mantine/core'
import { useAct } from '../lib/use-act'

type ActionButtonProps = ButtonProps & { 'aria-label'?: string; title?: string }

/** A button that is busy: it takes no click, and keeps the focus, which one that is disabled loses for good. */
export function BusyButton({
  busy,
  onClick,
  ...rest
}: ActionButtonProps & { busy: boolean; onClick: () => void }) {
  return (
    <Button
      variant="default"
      {...rest}
      loading={busy}
      onClick={() => busy || onClick()}
      renderRoot={({ disabled, ...root }) => (
        <button {...root} disabled={disabled && !busy} aria-disabled={busy || undefined} />
      )}
    />
  )
}

/** A button that acts once at a time, and says what went wrong. */
export function ActionButton({ onAct, ...rest }: ActionButtonProps & { onAct: () => Promise<unknown> }) {
  const { busy, act } = useAct()
  return <BusyButton {...rest} busy={busy} onClick={() => void act(onAct)} />
}
