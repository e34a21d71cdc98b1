import { AppError } from '../errors'
import type { Tensors } from './tensor'
import {
  gather,
  headOf,
  itemBytes,
  type PackedRun,
  type Pieces,
  plan,
  readPacked,
  unpackRuns,
} from './tensor-pack'

/**
 * Items in the form of `packTensors`, to be counted, cut, joined and passed on without looking at their tensors: the
 * bytes are shared, never copied, and must not change.
 */
export class PackedItems {
  static readonly none = new PackedItems([], [])

  readonly count: number
  /** Bytes of all tensors, without the header. */
  readonly byteLength: number
  readonly #runs: readonly PackedRun[]
  /** The bytes of the tensors, each filled up to a multiple of 8, one after the other. */
  readonly #pieces: readonly Uint8Array[]

  private constructor(runs: readonly PackedRun[], pieces: readonly Uint8Array[]) {
    this.#runs = runs
    this.#pieces = pieces
    this.count = runs.reduce((sum, [count]) => sum + count, 0)
    this.byteLength = pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
  }

  static of(items: readonly Tensors[]): PackedItems {
    const { runs, parts } = plan(items)
    return new PackedItems(runs, gather(parts))
  }

  /**
   * Sizes are checked, the insides of strings are not.
   * @param mostHeaderBytes which are parsed at once @throws AppError `storage.corrupt`
   */
  static parse(bytes: Uint8Array, mostHeaderBytes?: number): PackedItems {
    const { runs, data } = readPacked(bytes, mostHeaderBytes)
    if (data.byteLength % 8 !== 0) throw new AppError('storage.corrupt', 'These tensors are cut off.')
    return new PackedItems(runs, [data])
  }

  static join(lists: readonly PackedItems[]): PackedItems {
    const [first] = lists
    if (first && lists.length === 1) return first
    const runs: [count: number, tensors: PackedRun[1]][] = []
    for (const list of lists) {
      for (const [count, tensors] of list.#runs) {
        const last = runs.at(-1)
        if (last && sameForm(last[1], tensors)) last[0] += count
        else runs.push([count, tensors])
      }
    }
    return new PackedItems(
      runs,
      lists.flatMap((list) => list.#pieces),
    )
  }

  /** Bytes of all strings, with four for the length of each. */
  get stringBytes(): number {
    const inItem = (tensors: PackedRun[1]) =>
      tensors.reduce((sum, [, dtype, , length]) => sum + (dtype === 'string' ? length : 0), 0)
    return this.#runs.reduce((sum, [count, tensors]) => sum + count * inItem(tensors), 0)
  }

  slice(from: number, to = this.count): PackedItems {
    if (from <= 0 && to >= this.count) return this
    const runs: PackedRun[] = []
    let [at, byteFrom, byteTo] = [0, 0, 0]
    for (const run of this.#runs) {
      const [count, tensors] = run
      const before = Math.min(count, Math.max(0, from - at))
      const within = Math.min(count, to - at) - before
      const each = itemBytes(run)
      if (within > 0) {
        if (runs.length === 0) byteFrom = byteTo + before * each
        runs.push([within, tensors])
      }
      byteTo += (within > 0 ? before + within : count) * each
      at += count
      if (at >= to) break
    }
    return new PackedItems(runs, runs.length > 0 ? cut(this.#pieces, byteFrom, byteTo) : [])
  }

  /** How many of the first `most` items fit into so many bytes. */
  fitting(most: number, maxBytes: number): number {
    let items = 0
    let left = maxBytes
    for (const run of this.#runs) {
      const each = itemBytes(run)
      const fit = Math.min(run[0], each > 0 ? Math.floor(left / each) : run[0])
      items += fit
      left -= fit * each
      if (fit < run[0] || items >= most) break
    }
    return Math.min(items, most)
  }

  /** The first item of each row of items of one form, with its index: what is true of its shapes is true of the row's. */
  *forms(): Generator<[index: number, item: Tensors]> {
    let index = 0
    let at = 0
    for (const run of this.#runs) {
      const [count, tensors] = run
      const each = itemBytes(run)
      const [item] = unpackRuns([[1, tensors]], joined(cut(this.#pieces, at, at + each)))
      if (item) yield [index, item]
      index += count
      at += count * each
    }
  }

  /** The packed form, for a stream or a file; only small pieces are copied together. */
  toPieces(): Pieces {
    const head = headOf(this.#runs)
    return { pieces: gather([head, ...this.#pieces]), byteLength: head.byteLength + this.byteLength }
  }

  /**
   * The tensors are views where the bytes lie in one piece.
   * @throws AppError `storage.corrupt` for strings that are not what their lengths say
   */
  unpack(): Tensors[] {
    return unpackRuns(this.#runs, joined(this.#pieces))
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces
  if (first && pieces.length === 1) return first
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.byteLength
  }
  return bytes
}

function sameForm(a: PackedRun[1], b: PackedRun[1]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** The bytes from `from` to `to` of what the pieces are together. */
function cut(pieces: readonly Uint8Array[], from: number, to: number): Uint8Array[] {
  const within: Uint8Array[] = []
  let at = 0
  for (const piece of pieces) {
    const end = at + piece.byteLength
    if (end > from && at < to)
      within.push(piece.subarray(Math.max(0, from - at), Math.min(piece.byteLength, to - at)))
    at = end
    if (at >= to) break
  }
  return within
}
