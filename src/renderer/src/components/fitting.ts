import type { Column } from './virtual-row'

const GAP_PX = 16
const PADDING_PX = 16

/** The columns that a table of that width has room for: those that may be left out go, the most dispensable first. */
export function fitting<Row>(columns: readonly Column<Row>[], widthPx: number): readonly Column<Row>[] {
  const shown = columns.filter(({ hideBelow = 0 }) => widthPx >= hideBelow)
  while (leastWidthPx(shown) > widthPx) {
    const dispensable = shown.reduce((most, { hideBelow = 0 }) => Math.max(most, hideBelow), 0)
    if (dispensable === 0) break
    shown.splice(
      shown.findLastIndex(({ hideBelow }) => hideBelow === dispensable),
      1,
    )
  }
  return shown
}

function leastWidthPx<Row>(columns: readonly Column<Row>[]): number {
  const tracks = columns.reduce(
    (sum, { width }) => sum + Number(/^(?:minmax\()?(\d+)px/.exec(width)?.[1] ?? 0),
    0,
  )
  return tracks + GAP_PX * (columns.length - 1) + 2 * PADDING_PX
}
