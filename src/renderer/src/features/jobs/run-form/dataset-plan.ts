import type { Column } from '@shared/contract'
import { type ColumnFit, defaultColumns, fitColumns } from '@shared/domain/dataset-columns'
import type { Signature, TensorSpec } from '@shared/domain/tensor'

/** What feeds one input, and whether it can. */
export interface InputPlan {
  spec: TensorSpec
  /** Names of columns, side by side in this order. */
  columns: string[]
  fit: ColumnFit
}

/** `Sepal Length` and `sepal_length` are one name to a person. */
function loosely(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

/** The columns that an input most likely means: by its name, by a name much like it, else as the system would take them. */
export function suggestColumns(spec: TensorSpec, signature: Signature, columns: readonly Column[]): string[] {
  if (columns.some(({ name }) => name === spec.name)) return [spec.name]
  const alike = columns.filter(({ name }) => loosely(name) === loosely(spec.name) && loosely(name) !== '')
  if (alike.length === 1) return alike.map(({ name }) => name)
  return defaultColumns(spec, signature, columns).map(({ name }) => name)
}

/** For each input the columns that were chosen for it, else those suggested, and what is wrong with them. */
export function planInputs(
  signature: Signature,
  columns: readonly Column[],
  chosen: Readonly<Record<string, readonly string[]>>,
): InputPlan[] {
  const byName = new Map(columns.map((column) => [column.name, column]))
  return signature.inputs.map((spec) => {
    const own = Object.hasOwn(chosen, spec.name) ? chosen[spec.name] : undefined
    const names = [...(own ?? suggestColumns(spec, signature, columns))]
    const named = names.flatMap((name) => byName.get(name) ?? [])
    return { spec, columns: names, fit: fitColumns(spec, named) }
  })
}
