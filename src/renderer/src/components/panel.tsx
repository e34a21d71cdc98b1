import type { ReactNode } from 'react'
import classes from './components.module.css'

/** A card: a border, 8 px radius, 16 px padding. `flush` leaves the padding of its body out, for tables. */
export function Panel(props: {
  title?: ReactNode
  aside?: ReactNode
  children: ReactNode
  flush?: boolean
  /** Takes the height that is left; its body may scroll. */
  fill?: boolean
  'aria-label'?: string
}) {
  return (
    <section
      className={classes['panel']}
      data-flush={props.flush || undefined}
      data-fill={props.fill || undefined}
      aria-label={props['aria-label'] ?? (typeof props.title === 'string' ? props.title : undefined)}
    >
      {(props.title || props.aside) && (
        <header className={classes['panelHead']}>
          <h2 className={classes['panelTitle']}>{props.title}</h2>
          {props.aside && <div className={classes['panelAside']}>{props.aside}</div>}
        </header>
      )}
      {props.children}
    </section>
  )
}
