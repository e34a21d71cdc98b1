import { Graph, layout } from '@dagrejs/dagre'

export const NODE_WIDTH = 208
export const NODE_HEIGHT = 54

/** The centre of a node, in pixels. */
export interface Place {
  x: number
  y: number
}

/**
 * Places the nodes of a directed graph in columns, left to right along its edges. Pure; dagre's layered layout. Edges to
 * nodes that are not there are left out.
 */
export function placeNodes(
  ids: readonly string[],
  edges: readonly { from: string; to: string }[],
): Map<string, Place> {
  const graph = new Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 18, ranksep: 64, marginx: 8, marginy: 8 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const id of ids) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT })
  for (const { from, to } of edges) if (graph.hasNode(from) && graph.hasNode(to)) graph.setEdge(from, to)
  layout(graph)
  return new Map(
    ids.map((id) => {
      const { x, y } = graph.node(id)
      return [id, { x, y }]
    }),
  )
}
