import type { ProcedureMeta } from '../../shared/contract'
import { AppError } from '../../shared/errors'
import { requirementsOf, summaryOf } from './authorize'
import { ANONYMOUS, implementer } from './base'
import { computeHandlers } from './handlers/compute'
import { coreHandlers } from './handlers/core'
import { networkHandlers } from './handlers/network'
import { securityHandlers } from './handlers/security'
import { storageHandlers } from './handlers/storage'
import { systemHandlers } from './handlers/system'
import type { Modules } from './modules'

/** The contract tied to the modules. Every call is authorised here, once, whatever transport it came by. */
export function createRouter(modules: Modules) {
  const authorized = implementer.use(async ({ context, next, path, procedure }, input) => {
    const { action } = procedure['~orpc'].meta as ProcedureMeta
    if (action === null) return next()
    if (context.caller === ANONYMOUS) {
      throw new AppError('security.unauthenticated', 'Send a valid key: Authorization: Bearer KEY.')
    }
    if (path[0] === 'compute') await modules.computeReady()
    for (const need of requirementsOf(modules, action, path, input)) {
      modules.security.authorize(context.caller, need.action, need.resource, summaryOf(path, input))
    }
    return next()
  })
  return authorized.router({
    core: coreHandlers(modules),
    storage: storageHandlers(modules),
    compute: computeHandlers(modules),
    security: securityHandlers(modules),
    network: networkHandlers(modules),
    system: systemHandlers(modules),
  })
}
export type Router = ReturnType<typeof createRouter>
