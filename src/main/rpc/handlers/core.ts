import type { Lease } from '../../../shared/contract'
import { AppError } from '../../../shared/errors'
import { Unavailable } from '../../core'
import { feed } from '../../platform/feed'
import { implementer } from '../base'
import type { Modules } from '../modules'
import { paged, pageFrom, whole } from '../paging'
import { sightOfOthers } from '../shown-job'
import { latest } from '../streams'
import { visibleOwner, visibleTo } from '../visible'

export function coreHandlers(modules: Modules) {
  const { core } = modules
  const os = implementer.core
  return os.router({
    devices: {
      list: os.devices.list.handler(({ input }) => paged(core.listDevices(), input)),
      declare: os.devices.declare.handler(({ input, context }) =>
        core.declareDevice(input, context.caller.principal),
      ),
      update: os.devices.update.handler(({ input: { id, ...change } }) => core.updateDevice(id, change)),
      remove: os.devices.remove.handler(({ input }) => core.removeDevice(input.id)),
      rescan: os.devices.rescan.handler(async () => whole(await core.rescan())),
      watch: os.devices.watch.handler(({ signal }) =>
        feed(() => core.listDevices(), core.onDidChangeDevices, signal),
      ),
    },
    resources: os.resources.handler(() => core.resources()),
    telemetry: {
      list: os.telemetry.list.handler(({ input }) => pageFrom(core.telemetry(input), input)),
      watch: os.telemetry.watch.handler(({ signal }) =>
        latest(core.onDidSample, (samples) => ({ samples, resources: core.resources() }), signal),
      ),
    },
    leases: {
      request: os.leases.request.handler(async ({ input, context: { caller }, signal }) => {
        try {
          return await core.request(input.need, {
            holder: caller.principal,
            purpose: 'api',
            place: input.place,
            priority: input.priority,
            ttlMs: input.ttlMs,
            waitMs: input.waitMs,
            signal,
          })
        } catch (error) {
          const sight = error instanceof Unavailable ? sightOfOthers(modules, caller) : null
          throw error instanceof Unavailable && sight ? error.shownTo(sight) : error
        }
      }),
      list: os.leases.list.handler(({ input, context }) => {
        const owner = visibleOwner(modules, context.caller)
        return paged(
          core.listLeases().filter((lease) => owner === null || lease.holder === owner),
          input,
        )
      }),
      renew: os.leases.renew.handler(({ input }) => core.renew(input.id, input.ttlMs)),
      release: os.leases.release.handler(({ input }) => {
        assertNotInUse(core.getLease(input.id))
        core.release(input.id)
      }),
      watch: os.leases.watch.handler(({ context, signal }) => {
        const { caller } = context
        const mine = (leases: Lease[]) =>
          visibleTo(modules, caller, leases, (lease) => lease.holder === caller.principal)
        return feed(
          () => mine(core.listLeases()),
          (listener) =>
            core.onDidChangeLeases((change) => listener({ ...change, changed: mine(change.changed) })),
          signal,
        )
      }),
    },
    quotas: {
      get: os.quotas.get.handler(({ input }) => core.getQuota(input.principal)),
      set: os.quotas.set.handler(({ input }) => {
        modules.security.getPrincipal(input.principal)
        return core.setQuota(input)
      }),
      remove: os.quotas.remove.handler(({ input }) => core.removeQuota(input.principal)),
    },
  })
}

/**
 * What a job or a loaded model holds ends with it: released by hand, the system would grant what is still in use, and a
 * principal could run more than its quota allows.
 */
function assertNotInUse(lease: Lease): void {
  if (lease.state !== 'granted' || lease.expiresAt !== null) return
  const message =
    lease.job === null
      ? `This lease belongs to ${lease.purpose}. Unload it to free what it holds.`
      : `This lease belongs to job ${lease.job}. Cancel the job to free what it holds.`
  throw new AppError('core.in_use', message, { lease: lease.id, job: lease.job })
}
