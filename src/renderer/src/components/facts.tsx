import { Fragment, type ReactNode } from 'react'
import classes from './components.module.css'

/** Names and values in two columns with lines between, as in a detail or an "About". */
export function Facts(props: { rows: readonly (readonly [label: string, value: ReactNode])[] }) {
  return (
    <dl className={classes['facts']}>
      {props.rows.map(([label, value]) => (
        <Fragment key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  )
}
