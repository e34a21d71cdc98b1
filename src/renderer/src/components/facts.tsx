import { Fragment, type ReactNode } from 'react'
import classes from './components.module.css'

/** A key of its own where another row may have the same label. */
export type Fact = readonly [label: string, value: ReactNode, key?: string]

/** Names and values in two columns with lines between, as in a detail or an "About". */
export function Facts(props: { rows: readonly Fact[] }) {
  return (
    <dl className={classes['facts']}>
      {props.rows.map(([label, value, key = label]) => (
        <Fragment key={key}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  )
}
