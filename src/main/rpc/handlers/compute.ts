import type { Job, Pipeline } from '../../../shared/contract'
import { isTerminal } from '../../../shared/domain/job-state'
import type { Event } from '../../platform/events'
import { feed } from '../../platform/feed'
import type { Caller } from '../../security'
import { implementer } from '../base'
import type { Modules } from '../modules'
import { paged, pageFrom } from '../paging'
import { shownJob, shownToAll, shownWaiting, sightOfOthers } from '../shown-job'
import { latest } from '../streams'
import { shownRuntime, visibleOwner, visibleTo } from '../visible'

export function computeHandlers(modules: Modules) {
  const { compute, plugins } = modules
  const os = implementer.compute
  /** With the rights of this moment: an answer may come long after it was asked for. */
  const shownTo = (caller: Caller) => {
    const sight = sightOfOthers(modules, caller)
    return <Of extends Job>(job: Of): Of => shownJob(job, sight, Date.now())
  }
  const shownAtOnce = (jobs: Job[], caller: Caller): Job[] => {
    const sight = sightOfOthers(modules, caller)
    return sight === null ? jobs : jobs.map((job) => shownToAll(job, sight, Date.now()))
  }
  const shownPipeline = (pipeline: Pipeline, caller: Caller): Pipeline => {
    const shown = shownTo(caller)
    return { ...pipeline, jobs: pipeline.jobs.map((entry) => ({ ...entry, job: shown(entry.job) })) }
  }
  return os.router({
    jobs: {
      submit: os.jobs.submit.handler(async ({ input, context: { caller }, signal }) => {
        const job = await compute.submit(input, caller.principal, signal)
        return shownTo(caller)(job)
      }),
      list: os.jobs.list.handler(({ input, context: { caller } }) => {
        const { items, ...page } = compute.list({
          ...input,
          principal: visibleOwner(modules, caller) ?? undefined,
        })
        return { ...page, items: items.map(shownTo(caller)) }
      }),
      get: os.jobs.get.handler(({ input, context }) => shownTo(context.caller)(compute.get(input.id))),
      cancel: os.jobs.cancel.handler(async ({ input, context }) => {
        const job = await compute.cancel(input.id)
        return shownTo(context.caller)(job)
      }),
      retry: os.jobs.retry.handler(async ({ input, context: { caller } }) => {
        const job = await compute.retry(input.id, caller.principal)
        return shownTo(caller)(job)
      }),
      hold: os.jobs.hold.handler(async ({ input, context }) => {
        const job = await compute.hold(input.id)
        return shownTo(context.caller)(job)
      }),
      resume: os.jobs.resume.handler(async ({ input, context }) => {
        const job = await compute.resume(input.id)
        return shownTo(context.caller)(job)
      }),
      update: os.jobs.update.handler(async ({ input, context }) => {
        const job = await compute.setPriority(input.id, input.priority)
        return shownTo(context.caller)(job)
      }),
      result: os.jobs.result.handler(({ input, signal }) => compute.result(input.id, input.waitMs, signal)),
      saveDataset: os.jobs.saveDataset.handler(({ input, context }) =>
        compute.saveDataset(input.id, input.name, context.caller.principal),
      ),
      log: os.jobs.log.handler(async ({ input }) => pageFrom(await compute.log(input.id), input)),
      events: os.jobs.events.handler(({ input, context, signal }) => {
        const changesOfOne: Event<Job> = (listener) =>
          compute.onDidChangeJobs(({ changed }) => {
            for (const job of changed) if (job.id === input.id) listener(job)
          })
        return latest(changesOfOne, (job) => shownTo(context.caller)(job), signal, {
          first: () => shownTo(context.caller)(compute.get(input.id)),
          until: (job) => isTerminal(job.state),
        })
      }),
      text: os.jobs.text.handler(({ input, signal }) => compute.text(input.id, signal)),
      watch: os.jobs.watch.handler(({ context, signal }) => {
        const { caller } = context
        const mine = (jobs: Job[]) =>
          shownAtOnce(
            visibleTo(modules, caller, jobs, (job) => job.principal === caller.principal),
            caller,
          )
        return feed(
          () => shownAtOnce(compute.recent(visibleOwner(modules, caller)), caller),
          (listener) =>
            compute.onDidChangeJobs((change) => listener({ ...change, changed: mine(change.changed) })),
          signal,
        )
      }),
    },
    pipelines: {
      submit: os.pipelines.submit.handler(async ({ input, context: { caller } }) =>
        shownPipeline(await compute.submitPipeline(input, caller.principal), caller),
      ),
      list: os.pipelines.list.handler(({ input, context }) =>
        compute.listPipelines(input, visibleOwner(modules, context.caller)),
      ),
      get: os.pipelines.get.handler(async ({ input, context }) =>
        shownPipeline(await compute.getPipeline(input.id), context.caller),
      ),
      cancel: os.pipelines.cancel.handler(async ({ input, context }) =>
        shownPipeline(await compute.cancelPipeline(input.id), context.caller),
      ),
      retry: os.pipelines.retry.handler(async ({ input, context: { caller } }) =>
        shownPipeline(await compute.retryPipeline(input.id, caller.principal), caller),
      ),
    },
    queue: os.queue.handler(({ context }) => {
      const owner = visibleOwner(modules, context.caller)
      const all = compute.queue(owner)
      const waiting = shownWaiting(all.waiting, sightOfOthers(modules, context.caller), Date.now())
      const view = { ...all, waiting }
      if (owner === null) return view
      const { recent } = view.predictions
      return {
        ...view,
        predictions: { ...view.predictions, recent: recent.filter(({ principal }) => principal === owner) },
        // They name the models of all.
        classes: [],
      }
    }),
    whatIf: os.whatIf.handler(({ input, signal }) => compute.whatIf(input, signal)),
    runtimes: {
      list: os.runtimes.list.handler(({ input, context }) => {
        const shown = compute.runtimes().map((view) => shownRuntime(modules, context.caller, view))
        return pageFrom(shown, input)
      }),
      enforcement: os.runtimes.enforcement.handler(({ input }) => pageFrom(compute.enforcement(), input)),
      unload: os.runtimes.unload.handler(({ input }) => compute.unload(input.id)),
    },
    plugins: {
      list: os.plugins.list.handler(async ({ input }) => paged(await plugins.list(), input)),
      allow: os.plugins.allow.handler(({ input, context }) =>
        plugins.allow(input.id, input.digest, context.caller.principal),
      ),
      disallow: os.plugins.disallow.handler(({ input }) => plugins.disallow(input.id)),
    },
  })
}
