import { type DType, elementCount, JsonTensor, type TensorSpec } from '@shared/domain/tensor'
import { resolveShape } from './form-model'
import { InputProblem } from './input-problem'

type Element = number | string | boolean

const RANGES: Partial<Record<DType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  int32: [-2_147_483_648, 2_147_483_647],
}
/** The contract's limit; it also bounds the recursion below. */
const MAX_RANK = 16
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** One value as the dtype wants it; an int64 beyond 2^53 stays a string. @throws InputProblem */
export function parseElement(dtype: DType, value: unknown): Element {
  if (dtype === 'string') {
    if (typeof value !== 'string') throw new InputProblem('text', { got: shown(value) })
    return value
  }
  if (dtype === 'bool') {
    if (value === true || value === 1) return true
    if (value === false || value === 0) return false
    throw new InputProblem('boolean', { got: shown(value) })
  }
  if (dtype === 'int64') return parseInt64(value)
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new InputProblem('number', { got: shown(value) })
  const range = RANGES[dtype]
  if (!range) return value
  if (!Number.isInteger(value)) throw new InputProblem('integer', { dtype, got: shown(value) })
  if (value < range[0] || value > range[1]) {
    throw new InputProblem('range', { dtype, min: range[0], max: range[1], got: value })
  }
  return value
}

function parseInt64(value: unknown): Element {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) {
    const exact = BigInt(value)
    if (exact < INT64_MIN || exact > INT64_MAX) {
      throw new InputProblem('range', {
        dtype: 'int64',
        min: `${INT64_MIN}`,
        max: `${INT64_MAX}`,
        got: value,
      })
    }
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : value
  }
  throw new InputProblem('integer', { dtype: 'int64', got: shown(value) })
}

/** What a person typed into the field of a scalar. @throws InputProblem */
export function parseScalar(dtype: DType, text: string): JsonTensor {
  if (dtype === 'string') return { dtype, shape: [], data: [text] }
  const trimmed = text.trim()
  if (dtype === 'bool') return { dtype, shape: [], data: [trimmed === 'true' || trimmed === '1'] }
  if (trimmed === '') throw new InputProblem('number', { got: '' })
  return { dtype, shape: [], data: [parseElement(dtype, dtype === 'int64' ? trimmed : Number(trimmed))] }
}

function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}

/** The shape that nested arrays have, and their elements in row-major order. @throws InputProblem `ragged` */
function flatten(value: unknown): { shape: number[]; elements: unknown[] } {
  const shape: number[] = []
  for (let level: unknown = value; Array.isArray(level); level = level[0]) {
    shape.push(level.length)
    if (shape.length > MAX_RANK) throw new InputProblem('ragged')
  }
  const elements: unknown[] = []
  const visit = (level: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (Array.isArray(level)) throw new InputProblem('ragged')
      elements.push(level)
      return
    }
    if (!Array.isArray(level) || level.length !== shape[depth]) throw new InputProblem('ragged')
    for (const part of level) visit(part, depth + 1)
  }
  visit(value, 0)
  return { shape, elements }
}

/** Throws where `shape` is not one that `spec` allows. @throws InputProblem `rank`, `dimension` */
export function assertShape(spec: TensorSpec, shape: readonly number[]): void {
  if (shape.length !== spec.shape.length) {
    throw new InputProblem('rank', { wants: spec.shape.length, got: shape.length })
  }
  for (const [index, wants] of spec.shape.entries()) {
    const got = shape[index] ?? 0
    if (typeof wants === 'number' && wants !== got) throw new InputProblem('dimension', { index, wants, got })
  }
}

/**
 * A tensor for `spec` from JSON that is already parsed: nested arrays (their form settles open dimensions), a flat list
 * of the right length, a single value for a single element, or `{dtype, shape, data}`.
 * @throws InputProblem
 */
export function tensorFromJson(
  spec: TensorSpec,
  value: unknown,
  dimensions: Readonly<Record<string, number>>,
): JsonTensor {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return fromTensorObject(spec, value)
  if (!Array.isArray(value)) {
    const shape = resolveShape(spec, dimensions)
    if (elementCount(shape) !== 1) throw new InputProblem('count', { wants: elementCount(shape), got: 1 })
    return { dtype: spec.dtype, shape, data: [parseElement(spec.dtype, value)] }
  }
  const { shape, elements } = flatten(value)
  const data = elements.map((element) => parseElement(spec.dtype, element))
  if (shape.length === spec.shape.length && shape.length !== 1) {
    assertShape(spec, shape)
    return { dtype: spec.dtype, shape, data }
  }
  if (shape.length !== 1) throw new InputProblem('rank', { wants: spec.shape.length, got: shape.length })
  return { dtype: spec.dtype, shape: shapeForCount(spec, data.length, dimensions), data }
}

function fromTensorObject(spec: TensorSpec, value: object): JsonTensor {
  const parsed = JsonTensor.safeParse(value)
  if (!parsed.success) throw new InputProblem('json', { reason: parsed.error.issues[0]?.message ?? '' })
  const tensor = parsed.data
  if (tensor.dtype !== spec.dtype) throw new InputProblem('type', { wants: spec.dtype, got: tensor.dtype })
  assertShape(spec, tensor.shape)
  if (!('data' in tensor)) return tensor
  const wants = elementCount(tensor.shape)
  if (tensor.data.length !== wants) throw new InputProblem('count', { wants, got: tensor.data.length })
  return { ...tensor, data: tensor.data.map((element) => parseElement(spec.dtype, element)) }
}

/**
 * The shape in which `count` elements fit: the chosen one, or, where exactly one dimension is open, the one it then has.
 * @throws InputProblem `count`
 */
export function shapeForCount(
  spec: TensorSpec,
  count: number,
  dimensions: Readonly<Record<string, number>>,
): number[] {
  const chosen = resolveShape(spec, dimensions)
  if (elementCount(chosen) === count) return chosen
  const open = spec.shape.flatMap((size, index) => (typeof size === 'number' ? [] : [index]))
  const [only] = open
  if (open.length === 1 && only !== undefined && count > 0) {
    const rest = elementCount(chosen.filter((_, index) => index !== only))
    if (rest > 0 && count % rest === 0)
      return chosen.map((size, index) => (index === only ? count / rest : size))
  }
  throw new InputProblem('count', { wants: elementCount(chosen), got: count })
}

/** The same from text. @throws InputProblem `json` with the parser's reason */
export function tensorFromText(
  spec: TensorSpec,
  text: string,
  dimensions: Readonly<Record<string, number>>,
): JsonTensor {
  return tensorFromJson(spec, parseJson(text), dimensions)
}

/** @throws InputProblem `json` */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InputProblem('json', { reason: error instanceof Error ? error.message : String(error) })
  }
}
