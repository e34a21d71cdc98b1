import type { Cell, Column } from '../../shared/contract'
import { defaultColumns, shapeFor } from '../../shared/domain/dataset-columns'
import { decimalOf } from '../../shared/domain/decimal'
import {
  elementCount,
  type JsonTensor,
  type Signature,
  type TensorSpec,
  type Tensors,
} from '../../shared/domain/tensor'
import { fromJsonTensor, toJsonTensor } from '../../shared/domain/tensor-codec'
import { AppError } from '../../shared/errors'
import type { Storage } from '../storage'
import type { JobInputs } from './submit'

/** Which columns of a data set feed an input of a model; several are laid side by side. */
export type ColumnsOfInputs = Readonly<Record<string, string | readonly string[]>>

type Row = Readonly<Record<string, Cell>>
type Element = string | number | boolean

/** As many items as a batch may have. */
const MOST_ROWS = 100_000
const ROWS_AT_ONCE = 500

/**
 * The rows of a data set as the items of a batch.
 * @throws AppError `storage.not_found`; `compute.invalid_input` naming the input and the columns there are
 */
export function datasetInputs(
  storage: Storage,
  reference: string,
  signature: Signature,
  columns: ColumnsOfInputs | undefined,
): JobInputs {
  const { name, version } = storage.resolveDataset(reference)
  const found = storage.getDatasetVersion(name, version)
  const dataset = `${name}@${version}`
  if (found.rows === 0 || found.rows > MOST_ROWS) {
    const message = `A batch takes 1 to ${MOST_ROWS} rows; ${dataset} has ${found.rows}.`
    throw new AppError('compute.invalid_input', message, { input: 'dataset', got: found.rows })
  }
  const toItem = itemReader(signature, found.columns, columns)
  async function* items(): AsyncGenerator<Tensors> {
    for (let offset = 0; offset < found.rows; ) {
      const page = await storage.datasetRecords(name, version, { offset, limit: ROWS_AT_ONCE })
      if (page.items.length === 0) return
      for (const row of page.items) yield toItem(row)
      offset += page.items.length
    }
  }
  return { dataset, items: items(), prompt: null, links: [] }
}

/**
 * Reads one row as the inputs of a model. Without a word an input takes the column of its name; the only input of a
 * model takes all columns of numbers, in their order.
 */
export function itemReader(
  signature: Signature,
  columns: readonly Pick<Column, 'name' | 'type'>[],
  given: ColumnsOfInputs | undefined,
): (row: Row) => Tensors {
  for (const name of Object.keys(given ?? {})) {
    if (!signature.inputs.some((input) => input.name === name)) {
      throw misfit(name, 'an input of the model', 'another name', columns)
    }
  }
  const sources = signature.inputs.map((spec) => ({ spec, from: sourceOf(spec, signature, columns, given) }))
  return (row) => {
    const item: Tensors = Object.create(null)
    for (const { spec, from } of sources)
      item[spec.name] = fromJsonTensor(spec.name, tensorOf(spec, row, from))
    return item
  }
}

function sourceOf(
  spec: TensorSpec,
  signature: Signature,
  columns: readonly Pick<Column, 'name' | 'type'>[],
  given: ColumnsOfInputs | undefined,
): readonly string[] {
  const named = given && Object.hasOwn(given, spec.name) ? given[spec.name] : undefined
  const wanted = typeof named === 'string' ? [named] : named
  const missing = wanted?.find((name) => !columns.some((column) => column.name === name))
  if (missing !== undefined) throw misfit(spec.name, 'columns of the data set', `"${missing}"`, columns)
  if (wanted && wanted.length > 0) return wanted
  const usual = defaultColumns(spec, signature, columns).map(({ name }) => name)
  if (usual.length > 0) return usual
  throw misfit(spec.name, 'a column of its name, or one named in "columns"', 'none', columns)
}

function misfit(
  input: string,
  wants: string,
  got: string,
  columns: readonly Pick<Column, 'name' | 'type'>[],
): AppError {
  const known = columns.slice(0, 20).map(({ name, type }) => `"${name}" (${type})`)
  const more = columns.length > 20 ? ', ...' : ''
  const message = `Input "${input}" wants ${wants}, got ${got}. The data set has the columns ${known.join(', ')}${more}.`
  return new AppError('compute.invalid_input', message, { input, wants, got })
}

function tensorOf(spec: TensorSpec, row: Row, from: readonly string[]): JsonTensor {
  const [only] = from
  const cell = from.length === 1 && only !== undefined ? row[only] : undefined
  if (typeof cell === 'object' && cell !== null) {
    // As it is when the type is the same: no element is touched.
    if (cell.dtype === spec.dtype)
      return { ...cell, shape: shapeFor(spec, cell.shape, elementCount(cell.shape)) }
  }
  const data: Element[] = []
  for (const name of from) collect(row[name] ?? null, name, data)
  const shape = typeof cell === 'object' && cell !== null ? cell.shape : []
  const isFloat = spec.dtype.startsWith('float')
  return {
    dtype: spec.dtype,
    shape: shapeFor(spec, shape, data.length),
    data: isFloat ? data.map(rounded) : data,
  }
}

/** A column with integers beyond 2^53 is one of texts, so that int64 gets each digit: a float takes what is nearest. */
function rounded(element: Element): Element {
  return typeof element === 'string' ? (decimalOf(element) ?? element) : element
}

/** All elements of a cell, row-major; a list of a JSON column is a tensor too. */
function collect(cell: Cell, column: string, into: Element[]): void {
  if (cell === null) {
    throw new AppError('compute.invalid_input', `Column "${column}" has no value here.`, { input: column })
  }
  if (typeof cell === 'object') {
    const plain = toJsonTensor(fromJsonTensor(column, cell))
    if ('data' in plain) for (const element of plain.data) into.push(element)
    return
  }
  if (typeof cell === 'string' && cell.startsWith('[')) flatten(parseList(cell, column), column, into)
  else into.push(cell)
}

function parseList(text: string, column: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = `Column "${column}" begins like a list but is none, or is too long.`
    throw new AppError('compute.invalid_input', message, { input: column }, { cause })
  }
}

function flatten(value: unknown, column: string, into: Element[]): void {
  if (Array.isArray(value)) for (const inner of value) flatten(inner, column, into)
  else if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string')
    into.push(value)
  else {
    const message = `Column "${column}" holds a list of more than numbers, which no input can take.`
    throw new AppError('compute.invalid_input', message, { input: column })
  }
}
