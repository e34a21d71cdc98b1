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
    <section className={classes['metric']} aria-label={props.label} data-figures>
      <div className={classes['metricLabel']}>{props.label}</div>
      <div className={classes['metricMain']}>
        <div>
          <span className={classes['metricValue']}>{props.value}</span>
          {props.unit && <span className={classes['metricUnit']}> {props.unit}</span>}
        </div>
        {props.trend && <Sparkline values={props.trend} colour={props.colour ?? 'var(--app-queued)'} />}
      </div>
      <div className={classes['metricNote']} title={typeof props.note === 'string' ? props.note : undefined}>
        {props.note ?? '\u00a0'}
      </div>
    </section>
  )
}
