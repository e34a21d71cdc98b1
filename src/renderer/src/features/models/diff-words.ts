import type { ModelDiff, TensorInfo } from '@shared/contract'
import type { TensorSpec } from '@shared/domain/tensor'

export type Change = 'added' | 'removed' | 'changed' | 'same'

/** One line of a comparison; `from` and `to` as text, empty where there is none. */
export interface DiffRow {
  name: string
  change: Change
  from: string
  to: string
  /** In place of the word for the change, such as `+12%`. */
  note?: string
}

/** A sentence of the comparison: a key under `models.comparison.*` and what it names. */
export interface DiffSentence {
  key:
    | 'same'
    | 'compatible'
    | 'incompatible'
    | 'inputAdded'
    | 'inputRemoved'
    | 'inputType'
    | 'inputShape'
    | 'outputAdded'
    | 'outputRemoved'
    | 'outputType'
    | 'outputShape'
  values: Record<string, string | number>
}

export function specText(spec: TensorSpec): string {
  const shape = spec.shape.map((size) => (size === null || size === '' ? '?' : size)).join(', ')
  return `${spec.dtype}[${shape}]`
}

function changeOf(from: unknown, to: unknown): Exclude<Change, 'same'> {
  return from === null ? 'added' : to === null ? 'removed' : 'changed'
}

type Pair = ModelDiff['inputs'][number]

function same({ from, to }: Pair): boolean {
  return from !== null && to !== null && specText(from) === specText(to)
}

function sentencesFor(side: 'input' | 'output', pairs: readonly Pair[]): DiffSentence[] {
  return pairs
    .filter((pair) => !same(pair))
    .flatMap(({ name, from, to }): DiffSentence[] => {
      if (from === null && to === null) return []
      if (from === null) return [{ key: `${side}Added`, values: { name, to: to ? specText(to) : '' } }]
      if (to === null) return [{ key: `${side}Removed`, values: { name } }]
      if (from.dtype !== to.dtype)
        return [{ key: `${side}Type`, values: { name, from: from.dtype, to: to.dtype } }]
      return [{ key: `${side}Shape`, values: { name, from: specText(from), to: specText(to) } }]
    })
}

/** What the comparison means for a caller, the verdict first. */
export function diffSentences(diff: ModelDiff): DiffSentence[] {
  const versions = { from: diff.from, to: diff.to }
  const details = [...sentencesFor('input', diff.inputs), ...sentencesFor('output', diff.outputs)]
  const verdict = details.length === 0 ? 'same' : diff.compatible ? 'compatible' : 'incompatible'
  return [{ key: verdict, values: versions }, ...details]
}

/** A whole side of the signatures, also what is the same. */
export function specRows(from: readonly TensorSpec[], to: readonly TensorSpec[]): DiffRow[] {
  const names = [...new Set([...from, ...to].map(({ name }) => name))]
  const text = (specs: readonly TensorSpec[], name: string) => {
    const spec = specs.find((candidate) => candidate.name === name)
    return spec ? specText(spec) : null
  }
  return names.map((name) => rowOf(name, text(from, name), text(to, name)))
}

/** A row of two texts; null where there is none. */
export function rowOf(name: string, from: string | null, to: string | null): DiffRow {
  return { name, change: from === to ? 'same' : changeOf(from, to), from: from ?? '', to: to ?? '' }
}

/** What differs in the weights: added, removed, then reshaped. */
export function tensorRows({ tensors }: ModelDiff): DiffRow[] {
  const text = ({ dtype, shape }: TensorInfo) => `${dtype}[${shape.join(', ')}]`
  return [
    ...tensors.added.map((tensor) => rowOf(tensor.name, null, text(tensor))),
    ...tensors.removed.map((tensor) => rowOf(tensor.name, text(tensor), null)),
    ...tensors.reshaped.map(({ name, from, to }) => rowOf(name, text(from), text(to))),
  ]
}

function metadataText(value: ModelDiff['metadata'][number]['from']): string {
  if (value === null) return ''
  return Array.isArray(value) ? value.join(', ') : String(value)
}

export function metadataRows(diff: ModelDiff): DiffRow[] {
  return diff.metadata
    .map(({ key, from, to }) => ({
      name: key,
      change: changeOf(from, to),
      from: metadataText(from),
      to: metadataText(to),
    }))
    .filter((row) => row.from !== row.to)
}

/** Growth as a signed share of `from`, for example `+12.5%`; null where it would read as none. */
export function growthText(from: number, to: number): string | null {
  if (from <= 0 || from === to) return null
  const percent = ((to - from) / from) * 100
  const size = Math.abs(percent)
  if (size < 0.005) return null
  const digits = size < 0.1 ? 2 : size < 10 ? 1 : 0
  return `${percent > 0 ? '+' : '−'}${size.toFixed(digits)}%`
}
