import type { DatasetSummary, ModelSummary } from '@shared/contract'

/** A version as a choice: `model:name@1` or `dataset:name@1`, since a data set may have the name of a model. */
export type Origin = `${'model' | 'dataset'}:${string}`

/** Every version that is here, by name, newest first. */
export function originsOf(
  kind: 'model' | 'dataset',
  items: Iterable<Pick<ModelSummary | DatasetSummary, 'name' | 'versions'>>,
): { value: Origin; label: string }[] {
  return [...items]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, versions }) =>
      [...versions]
        .sort((a, b) => b - a)
        .map((version) => ({ value: `${kind}:${name}@${version}` as const, label: `${name}@${version}` })),
    )
}

/** What was chosen, as the API takes it. */
export function madeFromOf(chosen: readonly string[]): { models: string[]; datasets: string[] } {
  const named = (prefix: string) =>
    chosen.flatMap((origin) => (origin.startsWith(prefix) ? [origin.slice(prefix.length)] : []))
  return { models: named('model:'), datasets: named('dataset:') }
}
