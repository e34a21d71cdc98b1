// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its active row
// biome-ignore-all lint/a11y/useSemanticElements: a native table cannot leave out the rows that are not in sight
import { memo, type ReactNode } from 'react'
import classes from './components.module.css'

export interface Column<Row> {
  key: string
  header: ReactNode
  /** A track of a CSS grid: `120px`, `minmax(160px, 2fr)`. */
  width: string
  render: (row: Row) => ReactNode
  align?: 'end'
  /** Left out where the table is narrower than so many pixels, or has no room for it; the highest goes first. */
  hideBelow?: number
}

interface VirtualRowProps<Row> {
  id: string
  index: number
  /** Pixels from the first row. */
  start: number
  height: number
  row: Row
  columns: readonly Column<Row>[]
  /** Undefined where rows cannot be selected. */
  selected: boolean | undefined
  cursor: boolean
  /** Its menu is open. */
  asked: boolean
  onPick: (row: Row) => void
}

function Cells<Row>(props: VirtualRowProps<Row>) {
  const { row } = props
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid handles the keys for its rows
    <div
      id={props.id}
      role="row"
      aria-rowindex={props.index + 2}
      aria-selected={props.selected}
      data-cursor={props.cursor || undefined}
      data-asked={props.asked || undefined}
      data-clickable={props.selected === undefined ? undefined : true}
      className={`${classes['tableRow']} ${classes['virtualRow']}`}
      style={{ height: props.height, top: props.start }}
      onClick={() => props.onPick(row)}
    >
      {props.columns.map((column) => (
        <div key={column.key} role="gridcell" className={classes['cell']} data-align={column.align}>
          {column.render(row)}
        </div>
      ))}
    </div>
  )
}

/** A row of a virtual table; one that only scrolls is not drawn again. */
export const VirtualRow = memo(Cells) as typeof Cells
