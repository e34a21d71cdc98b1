import { i18n, useLanguage } from '../lib/i18n'
import { STATE_COLOURS, type StateName } from './colours'
import classes from './components.module.css'

/** A state as a dot and a word. `label` replaces the word; `quiet` leaves it to screen readers. */
export function StateDot(props: { state: StateName; label?: string; quiet?: boolean }) {
  // Hundreds of rows have one: the hook of i18next costs more than all the rest of a row.
  useLanguage((state) => state.language)
  const word = props.label ?? i18n.t(`common:state.${props.state}`)
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
