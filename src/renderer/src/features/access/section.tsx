import type { ReactNode } from 'react'
import classes from './access.module.css'

/** A part of a detail panel under its own heading, with its action beside it. */
export function Section(props: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes['section']} aria-label={props.title}>
      <header className={classes['sectionHead']}>
        <h3 className={classes['sectionTitle']}>{props.title}</h3>
        {props.aside}
      </header>
      {props.children}
    </section>
  )
}
