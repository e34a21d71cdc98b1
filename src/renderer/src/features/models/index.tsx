import { useRoute } from '../../lib/router'
import { ModelList } from './model-list'
import { ModelPage } from './model-page'

export { FORMAT_NAMES, shortDigest } from './about'

/** The list of models, or the one that the address names. */
export function ModelsPage() {
  const { params } = useRoute()
  return params.name === undefined ? <ModelList /> : <ModelPage key={params.name} name={params.name} />
}
