import type { DatasetSummary } from '../../../shared/contract'
import { feed } from '../../platform/feed'
import { implementer } from '../base'
import type { Modules } from '../modules'
import { paged, pageFrom } from '../paging'
import { readable } from '../visible'

export function datasetHandlers(modules: Modules) {
  const { storage } = modules
  const os = implementer.datasets
  return os.router({
    list: os.list.handler(({ input, context }) =>
      paged(readable(modules, context.caller, 'dataset', storage.listDatasets()), input),
    ),
    get: os.get.handler(({ input }) => storage.getDataset(input.name)),
    versions: os.versions.handler(({ input }) => pageFrom(storage.listDatasetVersions(input.name), input)),
    version: os.version.handler(({ input }) => storage.getDatasetVersion(input.name, input.version)),
    rows: os.rows.handler(({ input: { name, version, ...range } }) =>
      storage.datasetRows(name, version, range),
    ),
    image: os.image.handler(({ input }) => storage.datasetImage(input.name, input.version, input.path)),
    removeVersion: os.removeVersion.handler(({ input }) =>
      storage.removeDatasetVersion(input.name, input.version),
    ),
    lineage: os.lineage.handler(({ input }) => storage.datasetLineage(input.name)),
    watch: os.watch.handler(({ context, signal }) => {
      const visible = (datasets: DatasetSummary[]) => readable(modules, context.caller, 'dataset', datasets)
      return feed(
        () => visible(storage.listDatasets()),
        (listener) =>
          storage.onDidChangeDatasets((change) => listener({ ...change, changed: visible(change.changed) })),
        signal,
      )
    }),
  })
}
