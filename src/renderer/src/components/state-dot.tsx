import { useTranslation } from 'react-i18next'
import { STATE_COLOURS, type StateName } from './colours'
import classes from './components.module.css'

/** A state as a dot and a word. `label` replaces the word; `quiet` leaves it to screen readers. */
export function StateDot(props: { state: StateName; label?: string; quiet?: boolean }) {
  const { t } = useTranslation('common')
  const word = props.label ?? t(`state.${props.state}`)
  const hollow = props.state === 'held' || props.state === 'off'
  return (
    <span className={classes['state']} title={props.quiet ? word : undefined}>
      <span
        className={classes['dot']}
        data-hollow={hollow || undefined}
        style={{ '--dot': STATE_COLOURS[props.state] }}
        aria-hidden="true"
      />
      <span className={props.quiet ? classes['srOnly'] : classes['ellipsis']}>{word}</span>
    </span>
  )
}
