import { AXIS, ROW } from './draw'

const CARD = { width: 260, height: 150 }
const GAP = 4

export interface Span {
  from: number
  to: number
}

/** Beside the bar at that place, and inside what is seen of the height. */
export function cardAt(
  bar: { x: number; y: number; seen: Span },
  width: number,
  height: number,
): { left: number; top?: number; bottom?: number } {
  const { x, y, seen } = bar
  const below = y + ROW + CARD.height <= seen.to || y - GAP - CARD.height < seen.from
  return {
    left: Math.max(0, Math.min(x + 8, width - CARD.width)),
    ...(below ? { top: y + ROW } : { bottom: height - y + GAP }),
  }
}

/** How far down to scroll so that the bar at that place and its card are seen: no further than needed. */
export function topToSee(y: number, seen: Span, height: number): number {
  const span = seen.to - seen.from
  const isLow = y + ROW + CARD.height > height
  const from = y - (isLow ? GAP + CARD.height : AXIS)
  const to = y + ROW + (isLow ? 0 : CARD.height)
  return Math.max(0, Math.min(from, Math.max(seen.from, to - span)))
}
