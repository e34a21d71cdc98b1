import type { Column, ShownCell } from '@shared/contract'
import { elementText, viewTensor } from '../../lib/tensor-view'

const SHOWN = 6

/** The value of a column, null where the row has none; a column may be called like anything, such as `constructor`. */
export function cellOf(
  cells: Readonly<Record<string, ShownCell>> | null | undefined,
  column: string,
): ShownCell {
  return cells && Object.hasOwn(cells, column) ? (cells[column] ?? null) : null
}

/** A number short enough for a cell; anything else as it is. */
export function cellText(cell: ShownCell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return elementText(cell)
  if (typeof cell !== 'object') return String(cell)
  const first = 'head' in cell ? cell.head : viewTensor(cell).grid.flat()
  const more = cell.shape.reduce((product, size) => product * size, 1) > SHOWN ? ', …' : ''
  return `[${cell.shape.join(', ')}] ${first.slice(0, SHOWN).map(elementText).join(', ')}${more}`
}

/** All of a value, for the tooltip of a cell that is cut. */
export function wholeText(cell: ShownCell): string {
  return typeof cell === 'object' && cell !== null ? `${cell.dtype} ${cellText(cell)}` : String(cell ?? '')
}

/** Tracks of the table of rows, in pixels. */
const WIDTHS: Record<Column['type'], number> = {
  integer: 104,
  number: 112,
  boolean: 88,
  string: 190,
  json: 220,
  tensor: 260,
  image: 250,
}

export function widthOf({ type, name }: Pick<Column, 'type' | 'name'>): number {
  // A header that says more than its values is seen too, within reason.
  return Math.max(WIDTHS[type], Math.min(220, name.length * 8 + 58))
}
