import { NODE_WIDTH, type Place } from './layout'
import type { Link } from './links'

/** `chosen` and `faded`: on the way that stands out, and beside it. */
type Look = 'plain' | 'chosen' | 'faded'

/** Edges that look alike and leave the same column. */
export interface EdgeLine {
  id: string
  look: Look
  /** For the `d` of an SVG path. */
  path: string
}

const ARROW = { length: 6, half: 3.5 }
/** A curve leaves and reaches its nodes at least so straight. */
const LEAST_BEND = 24

/**
 * The edges between nodes as few paths: an element for each of twenty thousand would keep the window waiting, and one for all
 * would be drawn whole wherever a part of it is seen. Pure.
 */
export function edgeLines(
  edges: readonly Link[],
  places: ReadonlyMap<string, Place>,
  highlighted: ReadonlySet<string> | undefined,
): EdgeLine[] {
  const lines = new Map<string, EdgeLine>()
  for (const { from, to } of edges) {
    const [source, target] = [places.get(from), places.get(to)]
    if (!source || !target) continue
    const look = lookOf(from, to, highlighted)
    const id = `${look} ${source.x}`
    const line = lines.get(id) ?? { id, look, path: '' }
    line.path += curve(source.x + NODE_WIDTH / 2, source.y, target.x - NODE_WIDTH / 2, target.y)
    lines.set(id, line)
  }
  // What stands out lies above the rest.
  return [...lines.values()].sort((a, b) => Number(a.look === 'chosen') - Number(b.look === 'chosen'))
}

function lookOf(from: string, to: string, highlighted: ReadonlySet<string> | undefined): Look {
  if (highlighted === undefined) return 'plain'
  return highlighted.has(from) && highlighted.has(to) ? 'chosen' : 'faded'
}

function curve(fromX: number, fromY: number, toX: number, toY: number): string {
  const bend = Math.max(LEAST_BEND, (toX - fromX) / 2)
  const { length, half } = ARROW
  return (
    `M${fromX} ${fromY}C${fromX + bend} ${fromY} ${toX - bend} ${toY} ${toX} ${toY}` +
    `M${toX - length} ${toY - half}L${toX} ${toY}L${toX - length} ${toY + half}`
  )
}
