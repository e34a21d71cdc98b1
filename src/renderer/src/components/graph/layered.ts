import { type Link, neighbours } from './links'

export interface Cell {
  column: number
  /** Counted from the middle of its column, so that columns of different lengths lie beside each other's middles. */
  row: number
}

/** Each sweep puts what is linked nearer to each other; later ones change little. */
const SWEEPS = [false, true, false]

/**
 * Cells for the nodes of a directed graph, each column right of all that leads to it: the longest way decides the column, the mean
 * row of its neighbours the row (Sugiyama's method without its dummy nodes). A layer of more than `mostRows` takes several
 * columns. It takes n log n of nodes and edges. Of a cycle an edge goes back. Pure.
 */
export function layered(ids: readonly string[], edges: readonly Link[], mostRows: number): Map<string, Cell> {
  const [after, before] = [neighbours(edges), neighbours(edges, true)]
  const layers = layersOf(ids, after, before)
  const rows = new Map<string, number>()
  const settle = (layer: readonly string[]) => {
    for (const [i, id] of layer.entries()) rows.set(id, i - (layer.length - 1) / 2)
  }
  for (const layer of layers) settle(layer)
  for (const backwards of SWEEPS) {
    const beside = backwards ? after : before
    for (const layer of backwards ? layers.toReversed() : layers) {
      const wish = new Map(layer.map((id) => [id, meanRow(beside.get(id) ?? [id], rows)]))
      layer.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0))
      settle(layer)
    }
  }
  return folded(layers, mostRows)
}

/** The nodes by the length of the longest way that leads to them. */
function layersOf(
  ids: readonly string[],
  after: ReadonlyMap<string, readonly string[]>,
  before: ReadonlyMap<string, readonly string[]>,
): string[][] {
  const depth = new Map(ids.map((id) => [id, 0]))
  const open = new Map(ids.map((id) => [id, before.get(id)?.length ?? 0]))
  const ready = ids.filter((id) => open.get(id) === 0)
  // It grows as it goes: each node comes after all that leads to it. Those of a cycle never come, and stay where they are.
  for (const id of ready)
    for (const next of after.get(id) ?? []) {
      depth.set(next, Math.max(depth.get(next) ?? 0, (depth.get(id) ?? 0) + 1))
      const left = (open.get(next) ?? 0) - 1
      open.set(next, left)
      if (left === 0) ready.push(next)
    }
  const layers: string[][] = []
  for (const id of ids) {
    const at = depth.get(id) ?? 0
    const layer = layers[at] ?? []
    layers[at] = layer
    layer.push(id)
  }
  return layers
}

function meanRow(ids: readonly string[], rows: ReadonlyMap<string, number>): number {
  return ids.reduce((sum, id) => sum + (rows.get(id) ?? 0), 0) / ids.length
}

/** Side by side where a layer is too high for one column. */
function folded(layers: readonly (readonly string[])[], mostRows: number): Map<string, Cell> {
  const cells = new Map<string, Cell>()
  let column = 0
  for (const layer of layers) {
    const height = Math.ceil(layer.length / Math.ceil(layer.length / mostRows))
    for (let from = 0; from < layer.length; from += height) {
      const ids = layer.slice(from, from + height)
      for (const [i, id] of ids.entries()) cells.set(id, { column, row: i - (ids.length - 1) / 2 })
      column++
    }
  }
  return cells
}
