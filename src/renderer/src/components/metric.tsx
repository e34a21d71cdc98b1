import type { ReactNode } from 'react'
import classes from './components.module.css'
import { Sparkline } from './sparkline'

/** One number to know: its name, the number, its unit, a note, and how it went. */
export function Metric(props: {
  label: string
  value: ReactNode
  unit?: string | undefined
  note?: ReactNode
  trend?: readonly number[]
  colour?: string
}) {
  return (
    <section className={classes['metric']} aria-label={props.label}>
      <div className={classes['metricMain']}>
        <div className={classes['metricLabel']}>{props.label}</div>
        <div>
          <span className={classes['metricValue']}>{props.value}</span>
          {props.unit && <span className={classes['metricUnit']}> {props.unit}</span>}
        </div>
        <div className={classes['metricNote']}>{props.note ?? '\u00a0'}</div>
      </div>
      {props.trend && <Sparkline values={props.trend} colour={props.colour ?? 'var(--app-queued)'} />}
    </section>
  )
}
