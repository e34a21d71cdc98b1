import type { Column } from '../contract'
import { decimalOf } from './decimal'
import { elementCount, type Signature, type TensorSpec } from './tensor'
import { INTEGER_RANGES } from './tensor-codec'

type Kind = Pick<Column, 'name' | 'type'>
/** What is known of a column before its rows are read. */
export type KnownColumn = Pick<Column, 'name' | 'type' | 'nulls' | 'min' | 'max' | 'shape' | 'top'>

/**
 * The columns that feed an input when nobody says which: the one of its name, or, for the only input of a model, all that
 * may hold numbers, in their order. None where there are none.
 */
export function defaultColumns<Of extends Kind>(
  spec: TensorSpec,
  { inputs }: Signature,
  columns: readonly Of[],
): Of[] {
  const named = columns.find((column) => column.name === spec.name)
  if (named) return [named]
  if (inputs.length !== 1) return []
  const skipped: readonly Kind['type'][] =
    spec.dtype === 'bool' ? ['string', 'image'] : ['string', 'image', 'boolean']
  return columns.filter(({ type }) => !skipped.includes(type))
}

/**
 * The shape that `count` elements take in an input: their own where it has as many dimensions; else open dimensions are
 * 1, but for the last, which takes what is left.
 */
export function shapeFor({ shape: dimensions }: TensorSpec, own: readonly number[], count: number): number[] {
  if (dimensions.length === own.length) return [...own]
  const isOpen = dimensions.length === 1 && dimensions[0] === '...'
  if (isOpen) return own.length > 0 ? [...own] : [count]
  const fixed = fixedCount(dimensions)
  const last = dimensions.findLastIndex((size) => typeof size !== 'number')
  return dimensions.map((size, axis) => {
    if (typeof size === 'number') return size
    return axis === last && fixed > 0 ? Math.floor(count / fixed) : 1
  })
}

function fixedCount(dimensions: TensorSpec['shape']): number {
  return dimensions.reduce<number>(
    (product, size) => (typeof size === 'number' ? product * size : product),
    1,
  )
}

/** Why columns cannot feed an input. */
export type Misfit =
  | { why: 'none' }
  | { why: 'image' | 'text' | 'notText' | 'truth' | 'fractions'; column: string }
  | { why: 'nulls'; column: string; count: number }
  | { why: 'range'; column: string; least: number; most: number }
  /** So many values a row, where the input takes that many, or a multiple of it. */
  | { why: 'count'; got: number; wants: number; multiple: boolean }
  | { why: 'shape'; got: number[]; wants: TensorSpec['shape'] }

/** The shape of one row as an input; null where only the rows tell. */
export type ColumnFit = { fits: true; shape: number[] | null } | { fits: false; misfit: Misfit }

/** Whether columns, laid side by side, can feed an input, as far as their statistics tell. */
export function fitColumns(spec: TensorSpec, columns: readonly KnownColumn[]): ColumnFit {
  if (columns.length === 0) return { fits: false, misfit: { why: 'none' } }
  for (const column of columns) {
    const misfit = misfitOfValues(spec, column)
    if (misfit) return { fits: false, misfit }
  }
  const counts = columns.map((column) =>
    column.type === 'tensor' ? column.shape && elementCount(column.shape) : holdsLists(column) ? null : 1,
  )
  if (counts.some((count) => count === null)) return { fits: true, shape: null }
  const count = counts.reduce<number>((sum, one) => sum + (one ?? 0), 0)
  const [only] = columns
  const own = columns.length === 1 && only?.type === 'tensor' ? (only.shape ?? []) : []
  const shape = shapeFor(spec, own, count)
  const misfit = misfitOfShape(spec, shape, count)
  return misfit ? { fits: false, misfit } : { fits: true, shape }
}

function misfitOfValues(spec: TensorSpec, column: KnownColumn): Misfit | null {
  const { name, type, nulls, min, max } = column
  if (nulls > 0) return { why: 'nulls', column: name, count: nulls }
  if (spec.dtype === 'string') {
    return type === 'integer' || type === 'number' || type === 'boolean'
      ? { why: 'notText', column: name }
      : null
  }
  if (type === 'image') return { why: 'image', column: name }
  if (type === 'string')
    return holdsLists(column) || holdsLongIntegers(spec, column) ? null : { why: 'text', column: name }
  if (type === 'boolean') return spec.dtype === 'bool' ? null : { why: 'truth', column: name }
  if (type !== 'integer' && type !== 'number') return null
  const range = rangeOf(spec.dtype)
  if (!range) return null
  if (type === 'number') return { why: 'fractions', column: name }
  const [least, most] = range
  return (min !== null && min < least) || (max !== null && max > most)
    ? { why: 'range', column: name, least, most }
    : null
}

/** Lists as JSON text are read as their elements; how many, only the rows tell. */
function holdsLists({ type, top }: KnownColumn): boolean {
  return (
    type === 'json' ||
    (type === 'string' && top.length > 0 && top.every(({ value }) => value.startsWith('[')))
  )
}

/** Numbers that are kept as texts for integers beyond 2^53: a float takes what is nearest, int64 each digit. */
function holdsLongIntegers({ dtype }: TensorSpec, { top }: KnownColumn): boolean {
  if (dtype !== 'int64' && !dtype.startsWith('float')) return false
  const values = top.map(({ value }) => decimalOf(value))
  return (
    values.every(dtype === 'int64' ? Number.isInteger : Number.isFinite) &&
    values.some((value) => Number.isInteger(value) && !Number.isSafeInteger(value))
  )
}

/** The whole numbers that a type holds; null where it holds any number. */
function rangeOf(dtype: TensorSpec['dtype']): readonly [number, number] | null {
  switch (dtype) {
    case 'bool':
      return [0, 1]
    case 'int64':
      return [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'int32':
      return INTEGER_RANGES[dtype]
    default:
      return null
  }
}

function misfitOfShape(spec: TensorSpec, shape: number[], count: number): Misfit | null {
  const { shape: wants } = spec
  if (wants.length === 1 && wants[0] === '...') return null
  // The same name means the same size.
  const sizeOf = (size: number | string | null, axis: number) =>
    typeof size === 'number' ? size : size && size !== '?' ? shape[wants.indexOf(size)] : shape[axis]
  const sameSizes = wants.every((size, axis) => sizeOf(size, axis) === shape[axis])
  if (sameSizes && elementCount(shape) === count) return null
  if (!sameSizes) return { why: 'shape', got: shape, wants }
  const multiple = wants.some((size) => typeof size !== 'number')
  return { why: 'count', got: count, wants: fixedCount(wants), multiple }
}
