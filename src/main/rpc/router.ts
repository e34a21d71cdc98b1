import type { Lease, ProcedureMeta } from '../../shared/contract'
import type { LeaseId } from '../../shared/domain/ids'
import { AppError } from '../../shared/errors'
import { Shares } from '../platform/shares'
import { holderOf } from '../security'
import { asksForJobs, type Requirement, requirementsOf, summaryOf } from './authorize'
import { ANONYMOUS, implementer } from './base'
import { computeHandlers } from './handlers/compute'
import { coreHandlers } from './handlers/core'
import { datasetHandlers } from './handlers/datasets'
import { networkHandlers } from './handlers/network'
import { securityHandlers } from './handlers/security'
import { storageHandlers } from './handlers/storage'
import { systemHandlers } from './handlers/system'
import type { Modules } from './modules'
import { isStream, withEnd } from './streams'

/** What is done to have room on the disk: a record is written before anything is freed. */
const FREES_ROOM: ReadonlySet<string> = new Set([
  'storage.gc',
  'storage.models.removeVersion',
  'storage.imports.cancel',
  'datasets.removeVersion',
])

/** Of each holder (`holderOf`), at once. */
const MOST_CALLS = 1024
const MOST_VIEWS = 256

/** The contract tied to the modules. Every call is authorised here, once, whatever transport it came by. */
export function createRouter(modules: Modules) {
  const calls = new Shares({ each: MOST_CALLS }, 'Too many calls are open. Wait for some of their answers.')
  const views = new Shares({ each: MOST_VIEWS }, 'Too many live views are open. Close some of them.')
  const limited = implementer.use(async ({ context: { caller }, next, signal }) => {
    // Whatever a person's programs do with their keys, their window works.
    if (caller.via === 'window') return next()
    const who = holderOf(caller)
    calls.take(who)
    try {
      const result = await next()
      if (!isStream(result.output)) return result
      views.take(who)
      return { ...result, output: withEnd(result.output, signal, () => views.give(who)) }
    } finally {
      calls.give(who)
    }
  })
  const authorized = limited.use(async ({ context, next, path, procedure }, input) => {
    const { action } = procedure['~orpc'].meta as ProcedureMeta
    if (action === null) return next()
    if (context.caller === ANONYMOUS) {
      throw new AppError('security.unauthenticated', 'Send a valid key: Authorization: Bearer KEY.')
    }
    if (asksForJobs(path, input)) await modules.computeReady()
    const needs = requirementsOf(modules, context.caller, action, path, input)
    const allows = (need: Requirement) => modules.security.allows(context.caller, need.action, need.resource)
    if (FREES_ROOM.has(path.join('.')) && needs.every(allows)) modules.about.makeRoom()
    const summary = summaryOf(modules, path, input)
    const ask = () => {
      for (const need of needs)
        modules.security.authorize(context.caller, need.action, need.resource, summary)
    }
    ask()
    const mayStill = () => !hasWaited(input) || needs.every(allows)
    let result: Awaited<ReturnType<typeof next>>
    try {
      result = await next()
    } catch (error) {
      if (!mayStill()) ask()
      throw error
    }
    if (!mayStill()) {
      if (action === 'lease.request') modules.core.release((result.output as Lease).id as LeaseId)
      ask()
    }
    if (!isStream(result.output)) return result
    const output = whileAllowed(result.output, () => needs.every(allows))
    return { ...result, output }
  })
  return authorized.router({
    core: coreHandlers(modules),
    storage: storageHandlers(modules),
    datasets: datasetHandlers(modules),
    compute: computeHandlers(modules),
    security: securityHandlers(modules),
    network: networkHandlers(modules),
    system: systemHandlers(modules),
  })
}

/** Whether a call may have taken minutes, in which its key was revoked or its right was taken away. */
function hasWaited(input: unknown): boolean {
  return Number((input as { waitMs?: number } | undefined)?.waitMs) > 0
}

/** A live view is asked for once and lasts for hours: it ends when its key was revoked or its right was taken away. */
async function* whileAllowed<Part>(
  parts: AsyncIterable<Part>,
  isAllowed: () => boolean,
): AsyncGenerator<Part> {
  for await (const part of parts) {
    if (!isAllowed()) return
    yield part
  }
}

export type Router = ReturnType<typeof createRouter>
