import type { Job } from '../../../shared/contract'
import { isTerminal } from '../../../shared/domain/job-state'
import type { Event } from '../../platform/events'
import { feed } from '../../platform/feed'
import { implementer } from '../base'
import type { Modules } from '../modules'
import { paged, pageFrom } from '../paging'
import { latest } from '../streams'
import { shownRuntime, visibleOwner, visibleTo } from '../visible'

export function computeHandlers(modules: Modules) {
  const { compute, plugins } = modules
  const os = implementer.compute
  return os.router({
    jobs: {
      submit: os.jobs.submit.handler(({ input, context, signal }) =>
        compute.submit(input, context.caller.principal, signal),
      ),
      list: os.jobs.list.handler(({ input, context }) =>
        compute.list({ ...input, principal: visibleOwner(modules, context.caller) ?? undefined }),
      ),
      get: os.jobs.get.handler(({ input }) => compute.get(input.id)),
      cancel: os.jobs.cancel.handler(({ input }) => compute.cancel(input.id)),
      retry: os.jobs.retry.handler(({ input, context }) => compute.retry(input.id, context.caller.principal)),
      hold: os.jobs.hold.handler(({ input }) => compute.hold(input.id)),
      resume: os.jobs.resume.handler(({ input }) => compute.resume(input.id)),
      update: os.jobs.update.handler(({ input }) => compute.setPriority(input.id, input.priority)),
      result: os.jobs.result.handler(({ input, signal }) => compute.result(input.id, input.waitMs, signal)),
      saveDataset: os.jobs.saveDataset.handler(({ input, context }) =>
        compute.saveDataset(input.id, input.name, context.caller.principal),
      ),
      log: os.jobs.log.handler(async ({ input }) => pageFrom(await compute.log(input.id), input)),
      events: os.jobs.events.handler(({ input, signal }) => {
        const changesOfOne: Event<Job> = (listener) =>
          compute.onDidChangeJobs(({ changed }) => {
            for (const job of changed) if (job.id === input.id) listener(job)
          })
        return latest(changesOfOne, (job) => job, signal, {
          first: () => compute.get(input.id),
          until: (job) => isTerminal(job.state),
        })
      }),
      text: os.jobs.text.handler(({ input, signal }) => compute.text(input.id, signal)),
      watch: os.jobs.watch.handler(({ context, signal }) => {
        const { caller } = context
        const mine = (jobs: Job[]) =>
          visibleTo(modules, caller, jobs, (job) => job.principal === caller.principal)
        return feed(
          () => compute.recent(visibleOwner(modules, context.caller)),
          (listener) =>
            compute.onDidChangeJobs((change) => listener({ ...change, changed: mine(change.changed) })),
          signal,
        )
      }),
    },
    pipelines: {
      submit: os.pipelines.submit.handler(({ input, context }) =>
        compute.submitPipeline(input, context.caller.principal),
      ),
      list: os.pipelines.list.handler(({ input, context }) =>
        compute.listPipelines(input, visibleOwner(modules, context.caller)),
      ),
      get: os.pipelines.get.handler(({ input }) => compute.getPipeline(input.id)),
      cancel: os.pipelines.cancel.handler(({ input }) => compute.cancelPipeline(input.id)),
      retry: os.pipelines.retry.handler(({ input, context }) =>
        compute.retryPipeline(input.id, context.caller.principal),
      ),
    },
    queue: os.queue.handler(({ context }) => {
      const view = compute.queue()
      const owner = visibleOwner(modules, context.caller)
      if (owner === null) return view
      const { recent } = view.predictions
      return {
        ...view,
        waiting: view.waiting.filter(({ job }) => compute.get(job).principal === owner),
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
