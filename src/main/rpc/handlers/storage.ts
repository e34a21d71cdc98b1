import type { Import, ModelSummary, StorageTask } from '../../../shared/contract'
import { feed } from '../../platform/feed'
import type { Caller } from '../../security'
import { implementer } from '../base'
import type { Modules } from '../modules'
import { originsOf } from '../origins'
import { mapped, paged, pageFrom } from '../paging'
import { readable, shownImport, shownTask, shownVersion, sightOf, visibleImports } from '../visible'

export function storageHandlers(modules: Modules) {
  const { storage, security } = modules
  const os = implementer.storage
  const ended = async (task: StorageTask, waitMs: number, caller: Caller, signal: AbortSignal | undefined) =>
    shownTask(modules, caller, await storage.taskEnd(task.id, waitMs, signal))
  return os.router({
    imports: {
      start: os.imports.start.handler(({ input, context }) =>
        storage.startImport(
          { kind: 'path', ...input, madeFrom: originsOf(modules, input.madeFrom), key: context.caller.key },
          context.caller.principal,
        ),
      ),
      startHub: os.imports.startHub.handler(({ input, context }) =>
        storage.startImport(
          { kind: 'hub', ...input, madeFrom: originsOf(modules, input.madeFrom), key: context.caller.key },
          context.caller.principal,
        ),
      ),
      startSample: os.imports.startSample.handler(({ input: { sample }, context: { caller } }) =>
        storage.startImport(
          { kind: 'path', path: modules.about.samplePath(sample), name: sample, key: caller.key },
          caller.principal,
        ),
      ),
      list: os.imports.list.handler(({ input, context }) =>
        paged(visibleImports(modules, context.caller, storage.listImports()), input),
      ),
      get: os.imports.get.handler(({ input, context }) =>
        shownImport(modules, context.caller, storage.getImport(input.id)),
      ),
      cancel: os.imports.cancel.handler(async ({ input, context }) =>
        shownImport(modules, context.caller, await storage.cancelImport(input.id)),
      ),
      confirm: os.imports.confirm.handler(async ({ input, context: { caller } }) => {
        const said = { ...input, madeFrom: originsOf(modules, input.madeFrom) }
        return shownImport(modules, caller, await storage.confirmImport(input.id, said, caller))
      }),
      watch: os.imports.watch.handler(({ context, signal }) => {
        const visible = (imports: Import[]) => visibleImports(modules, context.caller, imports)
        return feed(
          () => visible(storage.listImports()),
          (listener) =>
            storage.onDidChangeImports((change) => listener({ ...change, changed: visible(change.changed) })),
          signal,
        )
      }),
    },
    models: {
      list: os.models.list.handler(({ input, context }) =>
        paged(readable(modules, context.caller, 'model', storage.listModels()), input),
      ),
      get: os.models.get.handler(({ input }) => storage.getModel(input.name)),
      versions: os.models.versions.handler(({ input, context }) => {
        const sees = sightOf(modules, context.caller)
        const shown = (version: number) => shownVersion(storage.getVersion(input.name, version), sees)
        return mapped(pageFrom(storage.getModel(input.name).versions, input), shown)
      }),
      version: os.models.version.handler(({ input, context }) =>
        shownVersion(storage.getVersion(input.name, input.version), sightOf(modules, context.caller)),
      ),
      removeVersion: os.models.removeVersion.handler(({ input, context }) =>
        storage.removeVersion(input.name, input.version, sightOf(modules, context.caller)),
      ),
      setAlias: os.models.setAlias.handler(({ input, context }) =>
        storage.setAlias(input.name, input.alias, input.version, context.caller.principal, input.reason),
      ),
      setCanary: os.models.setCanary.handler(({ input, context }) =>
        storage.setCanary(input.name, input.alias, input.canary, context.caller.principal, input.reason),
      ),
      promoteCanary: os.models.promoteCanary.handler(({ input, context }) =>
        storage.promoteCanary(input.name, input.alias, context.caller.principal),
      ),
      rollBack: os.models.rollBack.handler(({ input, context }) =>
        storage.rollBack(input.name, input.alias, context.caller.principal, input.reason),
      ),
      update: os.models.update.handler(({ input: { name, ...change } }) => storage.updateModel(name, change)),
      annotate: os.models.annotate.handler(({ input: { name, version, ...change }, context }) =>
        shownVersion(storage.annotate(name, version, change), sightOf(modules, context.caller)),
      ),
      tensors: os.models.tensors.handler(({ input }) =>
        pageFrom(storage.tensors(input.name, input.version), input),
      ),
      benchmarks: os.models.benchmarks.handler(({ input }) =>
        pageFrom(storage.benchmarks(input.name), input),
      ),
      lineage: os.models.lineage.handler(({ input, context }) =>
        storage.lineage(input.name, sightOf(modules, context.caller)),
      ),
      removeAlias: os.models.removeAlias.handler(({ input, context }) =>
        storage.removeAlias(input.name, input.alias, context.caller.principal),
      ),
      diff: os.models.diff.handler(({ input }) => storage.diff(input.name, input.from, input.to)),
      watch: os.models.watch.handler(({ context, signal }) => {
        const visible = (models: ModelSummary[]) => readable(modules, context.caller, 'model', models)
        return feed(
          () => visible(storage.listModels()),
          (listener) =>
            storage.onDidChangeModels((change) => listener({ ...change, changed: visible(change.changed) })),
          signal,
        )
      }),
    },
    usage: os.usage.handler(() => storage.usage()),
    quotas: {
      get: os.quotas.get.handler(({ input }) => storage.getQuota(input.principal)),
      set: os.quotas.set.handler(({ input }) => {
        security.getPrincipal(input.principal)
        return storage.setQuota(input.principal, input.limitBytes)
      }),
      remove: os.quotas.remove.handler(({ input }) => void storage.setQuota(input.principal, null)),
    },
    verify: os.verify.handler(({ input, context, signal }) =>
      ended(storage.verify(context.caller.principal), input.waitMs, context.caller, signal),
    ),
    gc: os.gc.handler(({ input, context, signal }) =>
      ended(storage.gc(context.caller.principal), input.waitMs, context.caller, signal),
    ),
    tasks: {
      get: os.tasks.get.handler(({ input, context }) =>
        shownTask(modules, context.caller, storage.task(input.id)),
      ),
      cancel: os.tasks.cancel.handler(async ({ input, context }) =>
        shownTask(modules, context.caller, await storage.cancelTask(input.id)),
      ),
      watch: os.tasks.watch.handler(({ context, signal }) => {
        const shown = (tasks: StorageTask[]) => tasks.map((task) => shownTask(modules, context.caller, task))
        return feed(
          () => shown(storage.tasks()),
          (listener) =>
            storage.onDidChangeTasks((change) => listener({ ...change, changed: shown(change.changed) })),
          signal,
        )
      }),
    },
  })
}
