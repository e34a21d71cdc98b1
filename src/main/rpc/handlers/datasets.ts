import type { DatasetSummary, DatasetVersion } from '../../../shared/contract'
import { feed } from '../../platform/feed'
import type { Caller } from '../../security'
import { implementer } from '../base'
import type { Modules } from '../modules'
import { mapped, paged, pageFrom } from '../paging'
import { readable, shownLineage, sightOf } from '../visible'

export function datasetHandlers(modules: Modules) {
  const { storage } = modules
  const os = implementer.datasets
  const shown = (version: DatasetVersion, caller: Caller) => ({
    ...version,
    lineage: shownLineage(version.lineage, sightOf(modules, caller)),
  })
  return os.router({
    list: os.list.handler(({ input, context }) =>
      paged(readable(modules, context.caller, 'dataset', storage.listDatasets()), input),
    ),
    get: os.get.handler(({ input }) => storage.getDataset(input.name)),
    versions: os.versions.handler(({ input, context }) => {
      const version = (number: number) => shown(storage.getDatasetVersion(input.name, number), context.caller)
      return mapped(pageFrom(storage.getDataset(input.name).versions, input), version)
    }),
    version: os.version.handler(({ input, context }) =>
      shown(storage.getDatasetVersion(input.name, input.version), context.caller),
    ),
    rows: os.rows.handler(({ input: { name, version, ...range }, signal }) =>
      storage.datasetRows(name, version, range, signal),
    ),
    image: os.image.handler(({ input }) => storage.datasetImage(input.name, input.version, input.path)),
    removeVersion: os.removeVersion.handler(({ input, context }) =>
      storage.removeDatasetVersion(input.name, input.version, sightOf(modules, context.caller)),
    ),
    lineage: os.lineage.handler(({ input, context }) =>
      storage.datasetLineage(input.name, sightOf(modules, context.caller)),
    ),
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
