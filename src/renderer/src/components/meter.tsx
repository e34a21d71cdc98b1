import classes from './components.module.css'

/** A thin bar of a share from 0 to 1, in parts one after the other. */
export function Meter(props: {
  label: string
  parts: readonly { share: number; colour: string; label?: string }[]
  width?: number
  thick?: boolean
}) {
  const total = props.parts.reduce((sum, part) => sum + part.share, 0)
  return (
    // biome-ignore lint/a11y/useSemanticElements: the native element has one part and a look of its own
    <div
      className={classes['meter']}
      data-thick={props.thick || undefined}
      style={props.width ? { width: props.width } : undefined}
      role="meter"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(Math.min(1, total) * 100)}
    >
      {props.parts.map((part, i) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a meter are its positions
          key={i}
          title={part.label}
          style={{ width: `${Math.max(0, Math.min(1, part.share)) * 100}%`, background: part.colour }}
        />
      ))}
    </div>
  )
}
