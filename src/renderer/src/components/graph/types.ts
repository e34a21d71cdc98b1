import type { StateName } from '../colours'

export interface GraphNode {
  id: string
  label: string
  /** The line below: what it is, how it stands. */
  second: string
  state?: StateName
  /** Where it leads; without it a node is no link. */
  to?: string
}

export interface GraphEdge {
  from: string
  to: string
}

export interface GraphProps {
  /** What the graph is of. */
  label: string
  nodes: readonly GraphNode[]
  edges: readonly GraphEdge[]
  /** Nodes that stand out, with the edges between them; the rest fades. */
  highlighted?: ReadonlySet<string> | undefined
}
