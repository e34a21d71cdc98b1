import { VisuallyHidden } from '@mantine/core'
import { lazy, memo, Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './graph.module.css'
import { neighbours } from './links'
import type { GraphProps } from './types'

export { pathThrough } from './path'
export type { GraphEdge, GraphNode } from './types'

// The library that draws is large: whoever sees no graph does not load it.
const FlowGraph = lazy(() => import('./flow-graph').then(({ FlowGraph }) => ({ default: FlowGraph })))

/** A directed graph, left to right; what leads somewhere is a link. The same as a list for those who cannot see it. */
export function Graph(props: GraphProps) {
  const { t } = useTranslation('common')
  return (
    <section className={classes['graph']} aria-label={props.label}>
      <GraphList nodes={props.nodes} edges={props.edges} />
      <Suspense fallback={<div className={classes['loading']}>{t('loading')}</div>}>
        <FlowGraph {...props} />
      </Suspense>
    </section>
  )
}

const GraphList = memo(function GraphList({ nodes, edges }: Pick<GraphProps, 'nodes' | 'edges'>) {
  const labels = new Map(nodes.map(({ id, label }) => [id, label]))
  const after = neighbours(edges)
  return (
    <VisuallyHidden component="ul">
      {nodes.map(({ id, label, second }) => {
        const next = after.get(id)?.map((to) => labels.get(to) ?? to)
        return <GraphItem key={id} label={label} second={second} next={next?.join(', ')} />
      })}
    </VisuallyHidden>
  )
})

// Of a thousand only those that have changed find their words anew.
const GraphItem = memo(function GraphItem(props: {
  label: string
  second: string
  next: string | undefined
}) {
  const { t } = useTranslation('common')
  const { label, second, next } = props
  return (
    <li>
      {next === undefined ? label : t('graph.leads', { label, next })} ({second})
    </li>
  )
})
