// biome-ignore-all lint/a11y/useSemanticElements: a native table cannot leave out the rows that are not in sight
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its active row
import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from 'react'
import classes from './components.module.css'
import { fitting } from './fitting'
import { RowMenu } from './row-menu'
import { useWidth } from './use-width'
import { type Column, VirtualRow } from './virtual-row'
import { tellWhatIsCut } from './what-is-cut'

/** Rows by their place: an array, or what loads as one scrolls. */
export interface RowSource<Row> {
  readonly length: number
  at(index: number): Row | undefined
}

export interface VirtualTableProps<Row> {
  label: string
  rows: RowSource<Row>
  rowKey: (row: Row) => string
  columns: readonly Column<Row>[]
  /** 48 with a second line for the reason, 36 without, 64 with pictures. */
  rowHeight: 36 | 48 | 64
  /** Narrower than so many pixels it scrolls sideways. */
  minWidth?: number
  /** Hears which rows are in sight. */
  onSight?: (first: number, last: number) => void
  /** A click, or Enter on the row of the cursor. */
  onSelect?: (row: Row) => void
  selectedKey?: string | null
  /** The keys of the rows that are to be acted on together; left out, one at most is selected. */
  marked?: ReadonlySet<string>
  /** The items of a row's menu: a right click opens it, or Shift+F10 and the menu key at the row of the cursor. */
  menu?: (row: Row) => ReactNode
  /** Fills its parent (default), or grows with its rows up to so many pixels. */
  maxHeight?: number
  /** Shown in place of the rows when there are none. */
  empty?: ReactNode
}

const HEAD_HEIGHT = 36
/** Of the first row below the head, as `aria-rowindex` counts. */
const FIRST_ROW_INDEX = 2

/**
 * A table of any length: only the rows in sight exist. Up, Down, PageUp, PageDown, Home and End move a cursor, Enter
 * selects; while something is selected the selection follows the cursor.
 */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { rows, rowKey, rowHeight, onSelect } = props
  const scroller = useRef<HTMLDivElement>(null)
  const width = useWidth(scroller)
  const id = useId()
  const [cursorKey, setCursorKey] = useState<string | null>(null)
  const [asked, setAsked] = useState<{ key: string; x: number; y: number } | null>(null)
  const columns = useFitting(props.columns, width)
  const template = columns.map((column) => column.width).join(' ')
  // A function that stays the same: with another one every row is measured anew.
  const getItemKey = useCallback(
    (index: number) => {
      const row = rows.at(index)
      return row === undefined ? index : rowKey(row)
    },
    [rows, rowKey],
  )
  // The React compiler is not in use, so the virtualizer's changing functions are safe here.
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey,
    overscan: 8,
    // Rows beyond the edge are there already: a frame need not wait for the next ones.
    useFlushSync: false,
    scrollPaddingStart: HEAD_HEIGHT,
  })

  const current = props.selectedKey ?? cursorKey
  // An array counts a negative place from its end.
  const rowAt = (index: number) => (index < 0 ? undefined : rows.at(index))
  const placeAt = (key: string | null) => (key === null ? -1 : placeOf(rows, (row) => rowKey(row) === key))
  const cursorOf = () => placeAt(current)

  function moveTo(index: number): void {
    const clamped = Math.max(0, Math.min(rows.length - 1, index))
    const row = rows.at(clamped)
    if (row === undefined) return
    setCursorKey(rowKey(row))
    virtualizer.scrollToIndex(clamped)
    if (props.selectedKey) onSelect?.(row)
  }

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>): void {
    if (event.target !== event.currentTarget) return
    const cursor = cursorOf()
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2)
    const steps: Record<string, number> = {
      ArrowDown: cursor + 1,
      ArrowUp: cursor <= 0 ? 0 : cursor - 1,
      PageDown: cursor + page,
      PageUp: cursor - page,
      Home: 0,
      End: rows.length - 1,
    }
    const target = steps[event.key]
    if (target !== undefined) {
      event.preventDefault()
      moveTo(target)
    } else if (event.key === 'Enter' || event.key === ' ') {
      const row = rowAt(cursor)
      if (row === undefined) return
      event.preventDefault()
      onSelect?.(row)
    }
  }

  function onContextMenu(event: MouseEvent<HTMLDivElement>): void {
    // From a key it comes at the table itself, and belongs to the row of the cursor.
    const byKey = event.target === event.currentTarget
    const index = byKey ? cursorOf() : rowIndexOf(event.target)
    const row = rowAt(index)
    const element = document.getElementById(`${id}-${index}`)
    if (!props.menu || row === undefined || !element) return
    event.preventDefault()
    const { left, bottom } = element.getBoundingClientRect()
    setAsked({
      key: rowKey(row),
      ...(byKey ? { x: left, y: bottom } : { x: event.clientX, y: event.clientY }),
    })
  }

  const closeMenu = useCallback(() => {
    setAsked(null)
    scroller.current?.focus({ preventScroll: true })
  }, [])
  const askedRow = asked ? rowAt(placeAt(asked.key)) : undefined
  // It may leave the list while its menu is open.
  const isAskedGone = asked !== null && askedRow === undefined
  useEffect(() => {
    if (isAskedGone) closeMenu()
  }, [isAskedGone, closeMenu])

  const pick = (row: Row) => {
    setCursorKey(rowKey(row))
    onSelect?.(row)
  }
  // The same function for every drawing, so that a row that stays is not drawn again.
  const latestPick = useRef(pick)
  useEffect(() => {
    latestPick.current = pick
  })
  const onPick = useCallback((row: Row) => latestPick.current(row), [])

  const visible = virtualizer.getVirtualItems()
  const { onSight } = props
  const [first, last] = [visible.at(0)?.index, visible.at(-1)?.index]
  useEffect(() => {
    if (first !== undefined && last !== undefined) onSight?.(first, last)
  }, [first, last, onSight])
  const cursorRow = visible.find((item) => item.key === current)
  const height = props.maxHeight
    ? Math.min(props.maxHeight, HEAD_HEIGHT + Math.max(1, rows.length) * rowHeight + 1)
    : undefined
  const style: CSSProperties = {
    '--columns': template,
    '--least-width': props.minWidth ? `${props.minWidth}px` : undefined,
    ...(height && rows.length > 0 ? { height } : {}),
  }

  const grid = (
    <div
      ref={scroller}
      className={classes['table']}
      data-fill={props.maxHeight ? undefined : true}
      style={style}
      role="grid"
      aria-label={props.label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      aria-multiselectable={props.marked ? true : undefined}
      aria-activedescendant={cursorRow ? `${id}-${cursorRow.index}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onContextMenu={onContextMenu}
      onPointerOver={tellWhatIsCut}
    >
      <div role="rowgroup" className={classes['tableHead']}>
        <div role="row" aria-rowindex={1} className={classes['tableRow']} style={{ height: HEAD_HEIGHT }}>
          {columns.map((column) => (
            <div key={column.key} role="columnheader" className={classes['cell']} data-align={column.align}>
              {column.header}
            </div>
          ))}
        </div>
      </div>
      {rows.length === 0 && props.empty ? (
        <div role="rowgroup">
          <div role="row">
            <div role="gridcell" aria-colspan={columns.length}>
              {props.empty}
            </div>
          </div>
        </div>
      ) : (
        <div role="rowgroup" style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
          {visible.map((item) => {
            const row = rows.at(item.index)
            if (row === undefined) return null
            const key = rowKey(row)
            return (
              <VirtualRow
                key={item.key}
                id={`${id}-${item.index}`}
                index={item.index}
                start={item.start}
                height={rowHeight}
                row={row}
                columns={columns}
                selected={onSelect ? key === props.selectedKey || props.marked?.has(key) : undefined}
                cursor={key === current}
                asked={key === asked?.key}
                onPick={onPick}
              />
            )
          })}
        </div>
      )}
    </div>
  )
  return (
    <>
      {grid}
      {asked && askedRow !== undefined && (
        <RowMenu at={asked} onClose={closeMenu}>
          {props.menu?.(askedRow)}
        </RowMenu>
      )}
    </>
  )
}

/** The columns that fit; the same array while they are the same. */
function useFitting<Row>(all: readonly Column<Row>[], width: number): readonly Column<Row>[] {
  // Not measured yet.
  const fits = new Set(width === 0 ? all : fitting(all, width))
  const shown = all.map((column) => (fits.has(column) ? '1' : '0')).join('')
  return useMemo(() => all.filter((_, i) => shown[i] === '1'), [all, shown])
}

/** The place of the row that an element lies in; -1 where it lies in none, as in the head. */
function rowIndexOf(target: EventTarget): number {
  const row = target instanceof Element ? target.closest('[role="row"][aria-rowindex]') : null
  return row === null ? -1 : Number(row.getAttribute('aria-rowindex')) - FIRST_ROW_INDEX
}

function placeOf<Row>(rows: RowSource<Row>, fits: (row: Row) => boolean): number {
  for (let index = 0; index < rows.length; index++) {
    const row = rows.at(index)
    if (row !== undefined && fits(row)) return index
  }
  return -1
}

/** Two lines of a cell: what it is, and why, both cut with an ellipsis and whole on hover. */
export function TwoLines(props: {
  first: ReactNode
  second?: string | null | undefined
  tone?: 'failed' | 'waiting' | undefined
}) {
  return (
    <div className={classes['twoLines']}>
      <div className={classes['ellipsis']}>{props.first}</div>
      {props.second && (
        <div className={classes['second']} data-tone={props.tone} title={props.second}>
          {props.second}
        </div>
      )}
    </div>
  )
}
