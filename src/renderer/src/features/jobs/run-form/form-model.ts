import type { Signature, TensorSpec } from '@shared/domain/tensor'

export const FILLERS = ['zeros', 'ramp', 'random', 'values', 'file'] as const
export type Filler = (typeof FILLERS)[number]

/** What a person chose for one input; the file itself is kept beside, it cannot be remembered. */
export interface InputChoice {
  filler: Filler
  /** JSON as typed; used by the filler `values`. */
  values: string
  /** As typed; used by inputs of shape `[]`. */
  scalar: string
}

/** The state of the form that is remembered for each model version. */
export interface FormChoice {
  /** Sizes of the free dimensions, by {@link FreeDimension.key}. */
  dimensions: Record<string, number>
  seed: number
  inputs: Record<string, InputChoice>
}

/** A dimension that the model leaves open. The same name in several inputs is one dimension. */
export interface FreeDimension {
  key: string
  /** The model's own name for it, or null. */
  name: string | null
  /** Where it stands, for a person: `input[0]`. */
  places: string[]
}

export function isScalar(spec: TensorSpec): boolean {
  return spec.shape.length === 0
}

function dimensionKey(spec: TensorSpec, index: number): string {
  const size = spec.shape[index]
  return typeof size === 'string' && size !== '' ? `=${size}` : `${spec.name}#${index}`
}

/** The open dimensions of a signature's inputs in the order they appear. */
export function freeDimensions(signature: Signature): FreeDimension[] {
  const found = new Map<string, FreeDimension>()
  for (const spec of signature.inputs) {
    for (const [index, size] of spec.shape.entries()) {
      if (typeof size === 'number') continue
      const key = dimensionKey(spec, index)
      const place = `${spec.name}[${index}]`
      const known = found.get(key)
      if (known) known.places.push(place)
      else found.set(key, { key, name: size || null, places: [place] })
    }
  }
  return [...found.values()]
}

/** The shape with every open dimension filled in; 1 where nothing was chosen. */
export function resolveShape(spec: TensorSpec, dimensions: Readonly<Record<string, number>>): number[] {
  return spec.shape.map((size, index) =>
    typeof size === 'number' ? size : (dimensions[dimensionKey(spec, index)] ?? 1),
  )
}

/** The open dimensions of one input that a tensor of `shape` settles. */
export function dimensionsFrom(spec: TensorSpec, shape: readonly number[]): Record<string, number> {
  const settled: Record<string, number> = {}
  for (const [index, size] of spec.shape.entries()) {
    const actual = shape[index]
    if (typeof size !== 'number' && actual !== undefined) settled[dimensionKey(spec, index)] = actual
  }
  return settled
}

/** `[1, 576]`, `[batch, 28]`, `[?, 3]`, or an empty string for a scalar. */
export function shapeText(shape: TensorSpec['shape']): string {
  return shape.length === 0
    ? ''
    : `[${shape.map((size) => (size === null || size === '' ? '?' : size)).join(', ')}]`
}

export function defaultInput(spec: TensorSpec): InputChoice {
  return {
    filler: 'zeros',
    values: '',
    scalar: spec.dtype === 'string' ? '' : spec.dtype === 'bool' ? 'false' : '0',
  }
}

/** A form for a signature: what was remembered where it still fits, defaults for the rest. */
export function formFor(signature: Signature, remembered: FormChoice | null): FormChoice {
  const dimensions: Record<string, number> = {}
  for (const { key } of freeDimensions(signature)) dimensions[key] = remembered?.dimensions[key] ?? 1
  const inputs: Record<string, InputChoice> = {}
  for (const spec of signature.inputs) inputs[spec.name] = remembered?.inputs[spec.name] ?? defaultInput(spec)
  return { dimensions, seed: remembered?.seed ?? 1, inputs }
}
