import type { Action } from '../../shared/domain/actions'
import { ACTIONS } from '../../shared/domain/actions'
import { parseModelReference } from '../../shared/domain/references'
import { AppError } from '../../shared/errors'
import type { PrincipalId } from '../../shared/domain/ids'
import type { Caller, Resource } from '../security'
import type { Modules } from './modules'

/** One thing that must be allowed before a procedure runs. */
export interface Requirement {
  action: Action
  resource: Resource
}

const SYSTEM: Resource = { type: 'System', id: 'local' }

/** A version reference as a resource; what it means now is looked up, and what is not there has no version. */
export function modelReference(modules: Modules, reference: string): Resource {
  const parsed = parseModelReference(reference)
  const resource: Resource = { type: 'ModelRef', id: reference, model: parsed?.name }
  try {
    resource.version = modules.storage.resolve(reference).version
  } catch (error) {
    if (!(error instanceof AppError)) throw error
  }
  return resource
}

/**
 * What a call needs. Running a model is `model.run` on the reference as asked for, whether by a new job or by trying an
 * old one again; `job.submit` is for jobs without a model.
 * @param input as parsed by the contract
 */
export function requirementsOf(modules: Modules, action: Action, path: readonly string[], input: unknown): Requirement[] {
  const fields = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>
  const run = (model: string): Requirement => ({ action: 'model.run', resource: modelReference(modules, model) })
  if (action === 'job.submit' && typeof fields['model'] === 'string') return [run(fields['model'])]
  switch (ACTIONS[action]) {
    case 'Model':
      return [{ action, resource: { type: 'Model', id: String(fields['name']) } }]
    case 'Job': {
      const job = modules.compute.get(String(fields['id']))
      const own: Requirement = { action, resource: { type: 'Job', id: job.id, owner: job.principal as PrincipalId } }
      if (path.at(-1) !== 'retry') return [own]
      return [own, job.model ? run(job.model) : { action: 'job.submit', resource: SYSTEM }]
    }
    case 'Lease': {
      const lease = modules.core.getLease(String(fields['id']))
      return [{ action, resource: { type: 'Lease', id: lease.id, owner: lease.holder as PrincipalId } }]
    }
    default:
      return [{ action, resource: SYSTEM }]
  }
}

/** Whose jobs and leases a caller sees in lists: null for everybody's. */
export function visibleOwner(modules: Modules, caller: Caller): PrincipalId | null {
  const someoneElses: Resource = { type: 'Job', id: '*', owner: 'system' as PrincipalId }
  return modules.security.allows(caller, 'job.read', someoneElses) ? null : caller.principal
}
