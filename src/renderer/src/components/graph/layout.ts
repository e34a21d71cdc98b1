import { Graph, layout } from '@dagrejs/dagre'
import { layered } from './layered'
import type { Link } from './links'

export const NODE_WIDTH = 208
export const NODE_HEIGHT = 54
const COLUMN_GAP = 64
const ROW_GAP = 18
const MARGIN = 8
/** So many nodes and edges dagre places in a tenth of a second; what it takes grows with their square and more. */
const MOST_FOR_DAGRE = 120
/** With so many rows for the root of the nodes a grid of them is about as wide to its height as a panel. */
const ROWS_PER_ROOT = 1.2

/** The centre of a node, in pixels. */
export interface Place {
  x: number
  y: number
}

/**
 * Places the nodes of a directed graph in columns, left to right along its edges: a small one by dagre, a large one by a
 * plainer layout that keeps no window waiting. Edges to nodes that are not there are left out. Pure.
 */
export function placeNodes(ids: readonly string[], edges: readonly Link[]): Map<string, Place> {
  const known = new Set(ids)
  const links = edges.filter(({ from, to }) => known.has(from) && known.has(to))
  return ids.length + links.length <= MOST_FOR_DAGRE ? byDagre(ids, links) : inGrid(ids, links)
}

function byDagre(ids: readonly string[], links: readonly Link[]): Map<string, Place> {
  const graph = new Graph()
  graph.setGraph({
    rankdir: 'LR',
    nodesep: ROW_GAP,
    ranksep: COLUMN_GAP,
    marginx: MARGIN,
    marginy: MARGIN,
  })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const id of ids) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT })
  for (const { from, to } of links) graph.setEdge(from, to)
  layout(graph)
  return new Map(
    ids.map((id) => {
      const { x, y } = graph.node(id)
      return [id, { x, y }]
    }),
  )
}

function inGrid(ids: readonly string[], links: readonly Link[]): Map<string, Place> {
  const cells = layered(ids, links, Math.ceil(ROWS_PER_ROOT * Math.sqrt(ids.length)))
  const top = Math.min(...[...cells.values()].map(({ row }) => row))
  const at = (cell: number, size: number, gap: number) => MARGIN + size / 2 + cell * (size + gap)
  return new Map(
    [...cells].map(([id, { column, row }]) => [
      id,
      { x: at(column, NODE_WIDTH, COLUMN_GAP), y: at(row - top, NODE_HEIGHT, ROW_GAP) },
    ]),
  )
}
