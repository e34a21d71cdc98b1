import type { MadeFrom } from '../../shared/contract'
import type { Modules } from './modules'

/**
 * What a caller says a version was made from, as exact versions; an alias means what it points to now.
 * @throws AppError `storage.not_found` for what is not here
 */
export function originsOf(
  { storage }: Pick<Modules, 'storage'>,
  origins: MadeFrom | undefined,
): MadeFrom | undefined {
  if (origins === undefined) return undefined
  const models = origins.models.map((reference) => {
    const { model, version } = storage.resolve(reference)
    return `${model}@${version}`
  })
  const datasets = origins.datasets.map((reference) => {
    const { name, version } = storage.resolveDataset(reference)
    return `${name}@${version}`
  })
  return { models, datasets, job: origins.job }
}
