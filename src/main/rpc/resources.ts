import type { PrincipalId } from '../../shared/domain/ids'
import { parseModelReference } from '../../shared/domain/references'
import { AppError } from '../../shared/errors'
import type { Resource } from '../security'
import type { Modules } from './modules'

/** Whatever somebody else runs: an id that no job has, so that only who may read all jobs may read it. */
export const JOBS_OF_ALL: Resource = { type: 'Job', id: '*', owner: 'system' as PrincipalId }

/** A version reference as a resource for each version it may mean now; what is not there has no version. */
export function modelReferences(
  modules: Pick<Modules, 'storage'>,
  reference: string,
): [Resource, ...Resource[]] {
  const resource: Resource = { type: 'ModelRef', id: reference, model: parseModelReference(reference)?.name }
  try {
    const [stable, ...canaries] = modules.storage.meanings(reference)
    return [{ ...resource, version: stable }, ...canaries.map((version) => ({ ...resource, version }))]
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [resource]
  }
}

/** A resource that somebody only names, with what the modules know of it; unknown ones stay as they are. */
export function described(
  modules: Pick<Modules, 'compute' | 'core' | 'storage'>,
  resource: Resource,
): Resource {
  try {
    switch (resource.type) {
      case 'Job':
        return { ...resource, owner: modules.compute.get(resource.id).principal as PrincipalId }
      case 'Lease':
        return { ...resource, owner: modules.core.getLease(resource.id).holder as PrincipalId }
      case 'Import':
        return importResource(modules, resource.id)
      case 'ModelRef':
        return modelReferences(modules, resource.id)[0]
      default:
        return resource
    }
  } catch (error) {
    if (error instanceof AppError) return resource
    throw error
  }
}

export function importResource(modules: Pick<Modules, 'storage'>, id: string): Resource {
  return { type: 'Import', id, owner: modules.storage.getImport(id).createdBy as PrincipalId }
}

export function datasetResource(name: string): Resource {
  return { type: 'Dataset', id: name }
}
