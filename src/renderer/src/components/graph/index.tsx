import { VisuallyHidden } from '@mantine/core'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './graph.module.css'
import type { GraphProps } from './types'

export { pathThrough } from './path'
export type { GraphEdge, GraphNode } from './types'

// The library that draws is large: whoever sees no graph does not load it.
const FlowGraph = lazy(() => import('./flow-graph').then(({ FlowGraph }) => ({ default: FlowGraph })))

/** A directed graph, left to right; what leads somewhere is a link. The same as a list for those who cannot see it. */
export function Graph(props: GraphProps) {
  const { t } = useTranslation('common')
  const labels = new Map(props.nodes.map(({ id, label }) => [id, label]))
  return (
    <section className={classes['graph']} aria-label={props.label}>
      <VisuallyHidden component="ul">
        {props.nodes.map(({ id, label, second }) => {
          const next = props.edges.flatMap(({ from, to }) => (from === id ? [labels.get(to) ?? to] : []))
          const text = next.length > 0 ? t('graph.leads', { label, next: next.join(', ') }) : label
          return (
            <li key={id}>
              {text} ({second})
            </li>
          )
        })}
      </VisuallyHidden>
      <Suspense fallback={<div className={classes['loading']}>{t('loading')}</div>}>
        <FlowGraph {...props} />
      </Suspense>
    </section>
  )
}
