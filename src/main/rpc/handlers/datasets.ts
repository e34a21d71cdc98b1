import { feed } from '../../platform/feed'
import type { Caller } from '../../security'
import { implementer } from '../base'
import type { Modules } from '../modules'
import { paged, pageFrom } from '../paging'

export function datasetHandlers(modules: Modules) {
  const { storage, security } = modules
  const os = implementer.datasets
  /** A list shows the data sets that its reader may read. */
  const readable = <T extends { name: string }>(caller: Caller, datasets: T[]) =>
    datasets.filter(({ name }) => security.allows(caller, 'dataset.read', { type: 'Dataset', id: name }))
  return os.router({
    list: os.list.handler(({ input, context }) =>
      paged(readable(context.caller, storage.listDatasets()), input),
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
    watch: os.watch.handler(({ context, signal }) =>
      feed(
        () => readable(context.caller, storage.listDatasets()),
        (listener) =>
          storage.onDidChangeDatasets((change) =>
            listener({ ...change, changed: readable(context.caller, change.changed) }),
          ),
        signal,
      ),
    ),
  })
}
