import type { Import, Lineage, ModelVersion, RuntimeView, StorageTask } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import { parseModelReference } from '../../shared/domain/references'
import type { Caller } from '../security'
import type { Sees } from '../storage'
import type { Modules } from './modules'
import { datasetResource, described, JOBS_OF_ALL } from './resources'

type Secured = Pick<Modules, 'security'>

/** Whether a caller may read the versions of a model or data set. */
export function mayRead(
  { security }: Secured,
  caller: Caller,
  kind: 'model' | 'dataset',
  name: string,
): boolean {
  return kind === 'model'
    ? security.allows(caller, 'model.read', { type: 'Model', id: name })
    : security.allows(caller, 'dataset.read', datasetResource(name))
}

/** A list shows the models or data sets that its reader may read. */
export function readable<Item extends { name: string }>(
  modules: Secured,
  caller: Caller,
  kind: 'model' | 'dataset',
  items: Item[],
): Item[] {
  return items.filter(({ name }) => mayRead(modules, caller, kind, name))
}

/** Whose jobs and leases a caller sees in lists: null for everybody's, where no policy keeps those of one principal from it. */
export function visibleOwner({ security }: Secured, caller: Caller): PrincipalId | null {
  const reads = (owner: string) =>
    security.allows(caller, 'job.read', { ...JOBS_OF_ALL, owner: owner as PrincipalId })
  const readsAll = security.allows(caller, 'job.read', JOBS_OF_ALL)
  return readsAll && security.listPrincipals().every(({ id }) => reads(id)) ? null : caller.principal
}

/** What of a list a caller sees at this moment; the rights are asked for only where it holds something of others. */
export function visibleTo<Item>(
  modules: Secured,
  caller: Caller,
  items: Item[],
  isTheirs: (item: Item) => boolean,
): Item[] {
  const theirs = items.filter(isTheirs)
  return theirs.length === items.length || visibleOwner(modules, caller) === null ? items : theirs
}

/** Whether a caller began an import, or may read what it becomes; until it has a name, it is only of who began it. */
export function isTheirImport(
  modules: Secured,
  caller: Caller,
  { createdBy, kind, model, dataset, suggestion }: Import,
): boolean {
  if (createdBy === caller.principal) return true
  const name = model ?? dataset ?? suggestion?.name
  return kind !== null && name !== undefined && mayRead(modules, caller, kind, name)
}

/** The imports that a caller sees at this moment, as they may see them. */
export function visibleImports(modules: Secured, caller: Caller, imports: Import[]): Import[] {
  const visible = visibleTo(modules, caller, imports, (view) => isTheirImport(modules, caller, view))
  return visible.map((view) => shownImport(modules, caller, view))
}

/**
 * An import as its reader may see it: what is here under the suggested name, and under which others its bytes are, is said
 * of those it may read.
 */
export function shownImport(modules: Secured, caller: Caller, view: Import): Import {
  const { kind, suggestion } = view
  if (kind === null || suggestion === null) return view
  const knownAs = suggestion.knownAs.filter(({ model }) => mayRead(modules, caller, 'model', model))
  const isRead = mayRead(modules, caller, kind, suggestion.name)
  const hidden = isRead ? {} : { family: null, version: null }
  return { ...view, suggestion: { ...suggestion, knownAs, ...hidden } }
}

/** What a caller sees of what is named by something that it may read. */
export function sightOf(
  modules: Pick<Modules, 'security' | 'compute' | 'core' | 'storage'>,
  caller: Caller,
): Sees {
  return (kind, id) =>
    kind === 'job'
      ? modules.security.allows(caller, 'job.read', described(modules, { type: 'Job', id }))
      : mayRead(modules, caller, kind, id)
}

/** A task as its reader may see it: which versions it removed is said of the models they may read. */
export function shownTask(modules: Secured, caller: Caller, task: StorageTask): StorageTask {
  const sees: Sees = (_kind, name) => mayRead(modules, caller, 'model', name)
  const removedVersions = task.removedVersions?.filter((reference) => seesVersion(sees, 'model', reference))
  return { ...task, ...(removedVersions && { removedVersions }) }
}

/** A runtime as its reader may see it, with the engines of the models they may read. */
export function shownRuntime(modules: Secured, caller: Caller, view: RuntimeView): RuntimeView {
  return { ...view, engines: view.engines.filter(({ model }) => mayRead(modules, caller, 'model', model)) }
}

/** Where a version came from, as its reader may see it. */
export function shownLineage({ models, datasets, job, ...rest }: Lineage, sees: Sees): Lineage {
  return {
    ...rest,
    models: models.filter((reference) => seesVersion(sees, 'model', reference)),
    datasets: datasets.filter((reference) => seesVersion(sees, 'dataset', reference)),
    job: job !== null && sees('job', job) ? job : null,
  }
}

/** A version of a model as its reader may see it: what it came from, and in whose graph its weights run. */
export function shownVersion(version: ModelVersion, sees: Sees): ModelVersion {
  const { lineage, architecture } = version
  const isSeen = architecture !== null && seesVersion(sees, 'model', architecture)
  return { ...version, lineage: shownLineage(lineage, sees), architecture: isSeen ? architecture : null }
}

/** @param reference `name@version` */
function seesVersion(sees: Sees, kind: 'model' | 'dataset', reference: string): boolean {
  const parsed = parseModelReference(reference)
  return parsed !== null && sees(kind, parsed.name)
}
