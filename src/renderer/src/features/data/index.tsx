import { useRoute } from '../../lib/router'
import { DatasetList } from './dataset-list'
import { DatasetPage } from './dataset-page'

/** The list of data sets, or the one that the address names. */
export function DataPage() {
  const { params } = useRoute()
  return params.name === undefined ? <DatasetList /> : <DatasetPage key={params.name} name={params.name} />
}
