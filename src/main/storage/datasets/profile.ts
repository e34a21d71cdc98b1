import type { Cell, Column, ColumnType } from '../../../shared/contract'
import { decimalOf } from '../../../shared/domain/decimal'
import { Rejection } from '../import/rejection'
import { numbersOf } from './numbers'
import { isTooLong, LONGEST_ROW } from './row-size'
import { MOST_COLUMNS, type RowIndex, type Table } from './table'

const SAMPLE = 10_000
const MOST_DISTINCT = 10_000
const BINS = 20
const TOP = 8
const LONGEST_KEY = 200
/** What the columns of a table may remember together: numbers of their samples, and bytes of counted texts, about. */
const MOST_SAMPLED = 1_500_000
const MOST_COUNTED_BYTES = 32 * 1024 * 1024
/** So many any column may sample, however many there are. */
const LEAST_SAMPLE = 500
/** An entry of a map and the head of its text. */
const ENTRY_BYTES = 64
const INDEX_ENTRIES = 10_000

export interface Profile {
  rows: number
  columns: Column[]
  /** Null where rows are found without one. */
  index: RowIndex | null
}

/** Reads a table once, in constant memory. @throws Rejection */
export async function profileOf(table: Table, onProgress: (bytesDone: number) => void): Promise<Profile> {
  const room = { samples: MOST_SAMPLED, countedBytes: MOST_COUNTED_BYTES }
  const columns = new Map(
    table.columns.map(({ name, type }) => [name, new ColumnProfile(type, table.isText, room)]),
  )
  let rows = 0
  let index: RowIndex | null = null
  for await (const { row, at } of table.read(0, null)) {
    if (isTooLong(row)) throw tooLong(rows + 1)
    for (const [name, cell] of Object.entries(row)) {
      let column = columns.get(name)
      if (!column) {
        if (columns.size >= MOST_COLUMNS) continue
        column = new ColumnProfile(null, table.isText, room)
        columns.set(name, column)
      }
      column.add(cell)
    }
    if (at !== null) {
      index ??= { step: 1, offsets: [] }
      if (rows % index.step === 0) index.offsets.push(at)
      if (index.offsets.length > INDEX_ENTRIES) {
        index.offsets = index.offsets.filter((_, position) => position % 2 === 0)
        index.step *= 2
      }
    }
    rows++
    onProgress(table.bytesRead())
  }
  return { rows, columns: [...columns].map(([name, column]) => ({ name, ...column.summary(rows) })), index }
}

function tooLong(row: number): Rejection {
  const most = LONGEST_ROW.toLocaleString('en')
  const message = `Row ${row} is too long: it has more than ${most} characters as JSON, as some 6 MB of numbers have. Divide it into several rows.`
  return new Rejection('storage.unreadable', message, '')
}

/** What all columns may still remember together. */
interface Room {
  samples: number
  countedBytes: number
}

/** What the values of one column are like. Moments by Welford's algorithm; bins from a reservoir sample (Algorithm R). */
class ColumnProfile {
  readonly #isText: boolean
  readonly #given: ColumnType | null
  readonly #room: Room
  #seen = 0
  #numbers = 0
  #integers = 0
  #booleans = 0
  #objects = 0
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY
  #mean = 0
  #squares = 0
  #moments = 0
  readonly #sample: number[] = []
  #isSampleFull = false
  #chance = 1
  readonly #counts = new Map<string, number>()
  #tooMany = false
  #shape: number[] | null | undefined

  constructor(given: ColumnType | null, isText: boolean, room: Room) {
    this.#given = given
    this.#isText = isText
    this.#room = room
  }

  add(cell: Cell): void {
    if (cell === null) return
    this.#seen++
    if (typeof cell === 'object') {
      const shape = cell.shape.join()
      if (this.#shape === undefined) this.#shape = cell.shape
      else if (this.#shape?.join() !== shape) this.#shape = null
      for (const value of numbersOf(cell)) this.#measure(value)
      return
    }
    const value = this.#isText && typeof cell === 'string' ? fromText(cell) : cell
    if (typeof value === 'number') {
      this.#numbers++
      if (Number.isInteger(value)) this.#integers++
      this.#measure(value)
    } else if (typeof value === 'boolean') this.#booleans++
    else if (!this.#isText && /^[[{]/.test(value)) this.#objects++
    this.#count(keyOf(cell))
  }

  /** @param rows of the table: those that do not name the column count as nulls */
  summary(rows: number): Omit<Column, 'name'> {
    const type = this.#type()
    const isNumber = type === 'integer' || type === 'number' || type === 'tensor'
    const measured = isNumber && this.#moments > 0
    return {
      type,
      nulls: rows - this.#seen,
      distinct: this.#tooMany || type === 'tensor' ? null : this.#counts.size,
      min: measured ? this.#min : null,
      max: measured ? this.#max : null,
      mean: measured ? this.#mean : null,
      deviation: measured ? Math.sqrt(this.#squares / this.#moments) : null,
      bins: measured ? binsOf(this.#sample, this.#min, this.#max) : [],
      top: isNumber ? [] : this.#top(),
      shape: type === 'tensor' ? (this.#shape ?? null) : null,
    }
  }

  #type(): ColumnType {
    if (this.#given) return this.#given
    if (this.#shape !== undefined) return 'tensor'
    if (this.#seen === 0) return 'string'
    if (this.#integers === this.#seen) return 'integer'
    if (this.#numbers === this.#seen) return 'number'
    if (this.#booleans === this.#seen) return 'boolean'
    return this.#objects === this.#seen ? 'json' : 'string'
  }

  #measure(value: number): void {
    if (!Number.isFinite(value)) return
    this.#moments++
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
    const off = value - this.#mean
    this.#mean += off / this.#moments
    this.#squares += off * (value - this.#mean)
    this.#isSampleFull ||= !this.#mayGrow()
    if (!this.#isSampleFull) {
      this.#sample.push(value)
      this.#room.samples--
    } else {
      // A fixed sequence (Park and Miller's), so that the same bytes have the same profile.
      this.#chance = (this.#chance * 48_271) % 2_147_483_647
      const place = this.#chance % this.#moments
      if (place < this.#sample.length) this.#sample[place] = value
    }
  }

  #mayGrow(): boolean {
    const { length } = this.#sample
    return length < LEAST_SAMPLE || (length < SAMPLE && this.#room.samples > 0)
  }

  #count(key: string): void {
    const count = this.#counts.get(key)
    const bytes = ENTRY_BYTES + key.length
    if (count !== undefined) this.#counts.set(key, count + 1)
    else if (this.#counts.size < MOST_DISTINCT && this.#room.countedBytes >= bytes) {
      this.#counts.set(key, 1)
      this.#room.countedBytes -= bytes
    } else this.#tooMany = true
  }

  #top(): Column['top'] {
    return [...this.#counts]
      .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
      .slice(0, TOP)
      .map(([value, count]) => ({ value, count }))
  }
}

/** What a value is counted by. A slice would keep all of a long text in memory, so its beginning is copied. */
function keyOf(cell: string | number | boolean): string {
  const text = String(cell)
  return text.length > LONGEST_KEY ? Buffer.from(text.slice(0, LONGEST_KEY)).toString() : text
}

/** What a text of a table says: a number, a truth value, or itself. */
export function fromText(text: string): string | number | boolean {
  const value = decimalOf(text)
  // An integer that no number holds would become another one: of an identifier every digit counts.
  if (value !== null) return /^[+-]?\d+$/.test(text.trim()) && !Number.isSafeInteger(value) ? text : value
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  return text
}

function binsOf(sample: readonly number[], min: number, max: number): number[] {
  const bins = new Array<number>(max > min ? BINS : 1).fill(0)
  for (const value of sample) {
    const bin = max > min ? Math.min(BINS - 1, Math.floor(((value - min) / (max - min)) * BINS)) : 0
    bins[bin] = (bins[bin] ?? 0) + 1
  }
  return bins
}
