import type { ShownRow } from './table'

/** A row travels from process to process as JSON within one line: one with more characters could never be read whole. */
export const LONGEST_ROW = 8_000_000
/** A control character is written as `\u0000`. */
const LONGEST_ESCAPE = 6

/** Characters of a row as JSON. */
export function charactersOf(row: ShownRow): number {
  return JSON.stringify(row).length
}

/** Writes only a row as JSON that may be too long. */
export function isTooLong(row: ShownRow): boolean {
  return mostCharactersOf(row) > LONGEST_ROW && charactersOf(row) > LONGEST_ROW
}

function mostCharactersOf(row: ShownRow): number {
  let most = 0
  for (const [name, cell] of Object.entries(row)) {
    const texts = name.length + (typeof cell === 'string' ? cell.length : 0)
    most += texts * LONGEST_ESCAPE + 200
    if (typeof cell !== 'object' || cell === null) continue
    most += 'base64' in cell ? cell.base64.length : Number.POSITIVE_INFINITY
  }
  return most
}
