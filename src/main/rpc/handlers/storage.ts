import type { ImportId } from '../../../shared/domain/ids'
import { feed } from '../../platform/feed'
import type { Caller } from '../../security'
import { implementer } from '../base'
import type { Modules } from '../modules'
import { paged, whole } from '../paging'

export function storageHandlers(modules: Modules) {
  const { storage, security } = modules
  const os = implementer.storage
  /** A list shows the models that its reader may read. */
  const readable = <T extends { name: string }>(caller: Caller, models: T[]) =>
    models.filter((model) => security.allows(caller, 'model.read', { type: 'Model', id: model.name }))
  return os.router({
    imports: {
      start: os.imports.start.handler(({ input, context }) =>
        storage.startImport({ kind: 'path', path: input.path, name: input.name }, context.caller.principal),
      ),
      list: os.imports.list.handler(({ input }) => paged(storage.listImports(), input)),
      get: os.imports.get.handler(({ input }) => storage.getImport(input.id)),
      cancel: os.imports.cancel.handler(({ input }) => storage.cancelImport(input.id as ImportId)),
      confirm: os.imports.confirm.handler(({ input }) => storage.confirmImport(input.id as ImportId)),
      watch: os.imports.watch.handler(({ signal }) =>
        feed(() => storage.listImports(), storage.onDidChangeImports, signal),
      ),
    },
    models: {
      list: os.models.list.handler(({ input, context }) =>
        paged(readable(context.caller, storage.listModels()), input),
      ),
      get: os.models.get.handler(({ input }) => storage.getModel(input.name)),
      versions: os.models.versions.handler(({ input }) => whole(storage.listVersions(input.name))),
      version: os.models.version.handler(({ input }) => storage.getVersion(input.name, input.version)),
      removeVersion: os.models.removeVersion.handler(({ input }) =>
        storage.removeVersion(input.name, input.version),
      ),
      setAlias: os.models.setAlias.handler(({ input, context }) =>
        storage.setAlias(input.name, input.alias, input.version, context.caller.principal),
      ),
      removeAlias: os.models.removeAlias.handler(({ input, context }) =>
        storage.removeAlias(input.name, input.alias, context.caller.principal),
      ),
      diff: os.models.diff.handler(({ input }) => storage.diff(input.name, input.from, input.to)),
      watch: os.models.watch.handler(({ context, signal }) =>
        feed(
          () => readable(context.caller, storage.listModels()),
          (listener) =>
            storage.onDidChangeModels((change) =>
              listener({ ...change, changed: readable(context.caller, change.changed) }),
            ),
          signal,
        ),
      ),
    },
    usage: os.usage.handler(() => storage.usage()),
    verify: os.verify.handler(({ signal }) => storage.verify(signal)),
    gc: os.gc.handler(() => storage.gc()),
  })
}
