/** Which rows are marked, and where a range begins and the keyboard stands. Ids, so that it survives live changes. */
export interface Selection {
  marked: ReadonlySet<string>
  /** Where a range with Shift begins. */
  anchor: string | null
  /** The row the keyboard is on. */
  cursor: string | null
}

export const NOTHING_SELECTED: Selection = { marked: new Set(), anchor: null, cursor: null }

export interface Modifiers {
  shift: boolean
  /** Ctrl, or Command on a Mac. */
  toggle: boolean
}

function range(ids: readonly string[], from: string, to: string): string[] {
  const a = ids.indexOf(from)
  const b = ids.indexOf(to)
  if (b < 0) return []
  if (a < 0) return [to]
  return ids.slice(Math.min(a, b), Math.max(a, b) + 1)
}

/** A click on a row: it alone is current and no row marked, or it is the other end of a range, or added and taken away. */
export function selectRow(
  selection: Selection,
  ids: readonly string[],
  id: string,
  modifiers: Modifiers,
): Selection {
  if (modifiers.shift && selection.anchor !== null) {
    return { marked: new Set(range(ids, selection.anchor, id)), anchor: selection.anchor, cursor: id }
  }
  if (modifiers.toggle) {
    const marked = new Set(selection.marked)
    if (!marked.delete(id)) marked.add(id)
    return { marked, anchor: id, cursor: id }
  }
  return { marked: new Set(), anchor: id, cursor: id }
}

/** Moves the keyboard's row by `step`, within the list; with Shift the range grows. */
export function moveCursor(
  selection: Selection,
  ids: readonly string[],
  step: number,
  shift: boolean,
): Selection {
  if (ids.length === 0) return NOTHING_SELECTED
  const at = selection.cursor === null ? -1 : ids.indexOf(selection.cursor)
  const from = at < 0 ? (step > 0 ? -1 : ids.length) : at
  const next = ids[Math.min(ids.length - 1, Math.max(0, from + step))]
  if (next === undefined) return selection
  return selectRow(selection, ids, next, { shift: shift && selection.anchor !== null, toggle: false })
}

/** Forgets rows that are gone. The same object when nothing was. */
export function keepExisting(selection: Selection, exists: (id: string) => boolean): Selection {
  const marked = [...selection.marked].filter(exists)
  const cursor = selection.cursor !== null && exists(selection.cursor) ? selection.cursor : null
  if (marked.length === selection.marked.size && cursor === selection.cursor) return selection
  const anchor = selection.anchor !== null && exists(selection.anchor) ? selection.anchor : null
  return { marked: new Set(marked), anchor, cursor }
}
