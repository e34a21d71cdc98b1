import { ACTION_NAMES, ACTIONS, type Action } from '../../../shared/domain/actions'
import { feed } from '../../platform/feed'
import { type Caller, type Resource, THE_SYSTEM } from '../../security'
import { implementer } from '../base'
import type { Modules } from '../modules'
import { paged } from '../paging'
import { datasetResource, JOBS_OF_ALL } from '../resources'

/** How many audit records a live view begins with. */
const RECENT = 500

/** What somebody may do with what is named, or with the machine and the jobs of all on it; without a record, since nothing is done. */
function actionsAllowed(
  security: Modules['security'],
  caller: Caller,
  { model, dataset }: { model?: string | undefined; dataset?: string | undefined },
): Action[] {
  const named: Resource[] = [
    ...(model === undefined ? [] : [{ type: 'Model' as const, id: model }]),
    ...(dataset === undefined ? [] : [datasetResource(dataset)]),
  ]
  const resources = named.length > 0 ? named : [THE_SYSTEM, JOBS_OF_ALL]
  return ACTION_NAMES.filter((action) =>
    resources.some(
      (resource) => resource.type === ACTIONS[action] && security.allows(caller, action, resource),
    ),
  )
}

export function securityHandlers({ security }: Modules) {
  const os = implementer.security
  return os.router({
    me: os.me.handler(({ context }) => security.getPrincipal(context.caller.principal)),
    rights: os.rights.handler(({ input, context }) => ({
      actions: actionsAllowed(security, context.caller, input),
    })),
    principals: {
      list: os.principals.list.handler(({ input }) => paged(security.listPrincipals(), input)),
      create: os.principals.create.handler(({ input }) => security.createPrincipal(input)),
      remove: os.principals.remove.handler(({ input }) => security.removePrincipal(input.id)),
      setPassword: os.principals.setPassword.handler(({ input, context }) =>
        security.setPassword(input.id, input.password, input.current, context.caller),
      ),
    },
    keys: {
      create: os.keys.create.handler(({ input, context }) =>
        security.createKey(input.id, { expiresAt: input.expiresAt, scopes: input.scopes }, context.caller),
      ),
      revoke: os.keys.revoke.handler(({ input }) => {
        security.revokeKey(input.id)
      }),
    },
    policies: {
      list: os.policies.list.handler(({ input }) => paged(security.listPolicies(), input)),
      get: os.policies.get.handler(({ input }) => security.getPolicy(input.id)),
      set: os.policies.set.handler(({ input, context }) =>
        security.setPolicy(input.id, input.text, input.description, context.caller),
      ),
      remove: os.policies.remove.handler(({ input }) => security.removePolicy(input.id)),
      validate: os.policies.validate.handler(({ input }) => security.validatePolicy(input.text)),
    },
    explain: os.explain.handler(({ input }) =>
      security.explain(input.principal, input.action, input.resource),
    ),
    audit: {
      list: os.audit.list.handler(({ input }) => security.listAudit(input)),
      verify: os.audit.verify.handler(() => security.verifyAudit()),
      watch: os.audit.watch.handler(({ signal }) =>
        feed(
          () => security.listAudit({ limit: RECENT }).items,
          (listener) => security.onDidAudit((record) => listener({ changed: [record], removed: [] })),
          signal,
        ),
      ),
    },
  })
}
