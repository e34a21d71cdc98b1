import type { ReactNode } from 'react'
import classes from './jobs.module.css'

/** A part of the detail panel under its own heading. */
export function Section(props: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes['section']} aria-label={props.title}>
      <header className={classes['sectionHead']}>
        <h3 className={classes['sectionTitle']}>{props.title}</h3>
        {props.aside && <div className={classes['aside']}>{props.aside}</div>}
      </header>
      {props.children}
    </section>
  )
}
