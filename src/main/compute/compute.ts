import type { Job } from '../../shared/contract'
import type { JobId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { AppError } from '../../shared/errors'
import type { Compute, ComputeDeps } from '.'
import { Admission } from './admission'
import { Control } from './control'
import { Alarms } from './dispatch/alarms'
import { runAttempt } from './dispatch/attempt'
import { Dispatcher } from './dispatch/dispatcher'
import { EnginePool } from './dispatch/engine-pool'
import { OwnLeases } from './dispatch/own-leases'
import { Settler } from './dispatch/settle'
import { JobEnds } from './job-ends'
import { ActiveJob, viewOf } from './jobs/active-job'
import { LOG } from './jobs/artifact-names'
import { Estimates } from './jobs/estimates'
import { JobIndex } from './jobs/job-index'
import { JobLog, linesFromRow } from './jobs/job-log'
import type { JobDefinition, JobStatus } from './jobs/job-row'
import { createJobStore } from './jobs/job-store'
import { LastHour } from './jobs/last-hour'
import { MAX_RECENT, Recent } from './jobs/recent'
import { QueueReader } from './queue-view'
import { reconcile } from './reconcile'
import { readResult } from './results'
import { Retention } from './retention'
import { DEFAULT_POLICY } from './schedule/types'

const HOUR_MS = 3_600_000
const SEED_LIMIT = 100_000
/** After being told to stop, an attempt has so long before it is left to the next start. */
const ABORT_GRACE_MS = 5_000

export function createCompute(deps: ComputeDeps): Compute {
  const { core, storage, database, clock, logger, executor } = deps
  const policy = DEFAULT_POLICY
  const store = createJobStore(database)
  const estimates = new Estimates()
  const lastHour = new LastHour()
  const ends = new JobEnds()
  const ownLeases = new OwnLeases()
  const unsubscribe: (() => void)[] = []
  let state: 'new' | 'running' | 'stopping' = 'new'

  const now = () => clock.now()
  const runMsOf = (job: ActiveJob) => estimates.runMs(job.definition)
  const recent = new Recent(now, (error) =>
    logger.error({ err: error }, 'A listener to changes of jobs failed'),
  )
  const index: JobIndex = new JobIndex({
    database,
    store,
    now,
    loadOf: (job) => pool.loadOf(job),
    runMsOf,
    unknownRunMs: policy.unknownRunMs,
    onChange: (job) => recent.touch(job),
  })
  const pool: EnginePool = new EnginePool({
    core,
    storage,
    executor,
    database,
    clock,
    logger,
    estimates,
    idleMs: deps.engineIdleMs,
    onFree: () => dispatcher.request(),
    ownLease: (id) => ownLeases.add(id),
  })
  const settler: Settler = new Settler({
    core,
    storage,
    database,
    clock,
    index,
    onEnd(job) {
      ends.ended(job)
      retention.count()
      lastHour.add(job.status.state, job.status.queuedMs, now())
    },
    onBackoff: (job, at) => alarms.set(at, { job: job.id, kind: 'ready' }),
  })
  const reader = new QueueReader({
    core,
    clock,
    index,
    lastHour,
    unknownRunMs: policy.unknownRunMs,
    runMsOf,
    onExplained: (job) => recent.touch(job),
  })
  const dispatcher: Dispatcher = new Dispatcher({
    core,
    database,
    clock,
    logger,
    index,
    pool,
    settler,
    policy,
    ownLeases,
    runMsOf,
    run(job, engine, attempt) {
      job.runMs = runMsOf(job)
      return runAttempt(
        {
          executor,
          storage,
          database,
          clock,
          logger,
          index,
          pool,
          estimates,
          isStopping: () => state === 'stopping',
          onProgress: (changed) => recent.touch(changed),
        },
        job,
        engine,
        attempt,
      )
    },
    onPlan: (decided) => reader.planned(decided),
  })
  const retention = new Retention({
    store,
    storage,
    database,
    clock,
    logger,
    isNeeded: (id) => [...index.dependentsOf(id as JobId)].length > 0,
    onRemove: (id) => recent.forget(id),
  })
  const alarms = new Alarms<{ job: JobId; kind: 'ready' | 'deadline' }>(clock, (rung) => {
    for (const { job: id, kind } of rung) {
      const job = index.get(id)
      if (!job) continue
      if (kind === 'ready') index.refresh(job)
      else void control.missDeadline(job)
    }
    dispatcher.request()
  })

  const view = (definition: JobDefinition, status: JobStatus, live: ActiveJob | null): Job =>
    viewOf(definition, status, live && !isTerminal(status.state) ? live : null, now())
  const viewActive = (job: ActiveJob) => view(job.definition, job.status, job)

  function find(id: string): { definition: JobDefinition; status: JobStatus; live: ActiveJob | null } {
    const live = index.get(id)
    if (live) return { definition: live.definition, status: live.status, live }
    const stored = store.find(id)
    if (!stored)
      throw new AppError(
        'compute.not_found',
        `There is no job ${id}. It may have been removed after 30 days.`,
        { job: id },
      )
    return { ...stored, live: null }
  }

  function watch(job: ActiveJob): void {
    const { deadline } = job.definition
    if (deadline !== null) alarms.set(deadline, { job: job.id, kind: 'deadline' })
    if (job.status.notBefore > now()) alarms.set(job.status.notBefore, { job: job.id, kind: 'ready' })
  }

  const control: Control = new Control({
    clock,
    logger,
    index,
    settler,
    ends,
    find,
    write: (work) => dispatcher.write(work),
    view: viewActive,
  })
  const admission = new Admission({
    core,
    storage,
    executor,
    clock,
    store,
    index,
    settler,
    enter: (job, work) => dispatcher.enter(job, work),
    isStopping: () => state === 'stopping',
    onAdd: watch,
  })

  const compute: Compute = {
    async start() {
      for (const { definition, status } of store.lastEnded(2_000)) {
        recent.seed(definition, status)
        if (status.state === 'succeeded' && status.computeMs > 0)
          estimates.observeRun(definition, status.computeMs)
      }
      for (const ended of store.endedSince(now() - HOUR_MS, SEED_LIMIT))
        lastHour.add(ended.state, ended.queuedMs, ended.finishedAt)
      await reconcile({ store, storage, database, clock, index, settler, watch })
      unsubscribe.push(
        core.onDidChangeLeases((change) => {
          if (ownLeases.concernsOthers(change)) dispatcher.request()
        }),
        core.onDidChangeDevices(() => dispatcher.request()),
        // What other programs hold changes without a lease: worth a look once a second while something waits.
        core.onDidSample(() => {
          if (index.counts.queued > 0) dispatcher.request()
        }),
      )
      state = 'running'
      retention.start()
      dispatcher.start()
    },

    async stop(graceMs) {
      if (state === 'stopping') return
      state = 'stopping'
      dispatcher.pause()
      await settledWithin(graceMs)
      for (const job of dispatcher.running) job.abort?.('stopping')
      await settledWithin(ABORT_GRACE_MS)
      await pool.unloadAll()
    },

    async submit(spec, by, signal) {
      const job = await admission.submit(spec, by)
      if (spec.waitMs > 0 && index.get(job.definition.id))
        await ends.wait(job.definition.id, clock, spec.waitMs, signal)
      const { definition, status } = job instanceof ActiveJob ? job : find(job.definition.id)
      const seen = view(definition, status, index.get(definition.id) ?? null)
      if (spec.waitMs === 0 || status.state !== 'succeeded') return seen
      return { ...seen, result: await readResult(storage.artifacts, definition, status) }
    },

    get(id) {
      const { definition, status, live } = find(id)
      return view(definition, status, live)
    },

    list(query) {
      const { items, nextCursor } = store.list(query)
      return {
        items: items.map(({ definition, status }) =>
          view(definition, status, index.get(definition.id) ?? null),
        ),
        nextCursor,
      }
    },

    cancel: (id) => control.cancel(id),

    async retry(id, by) {
      const { definition, status } = find(id)
      if (!isTerminal(status.state)) {
        const message = `Job ${id} is ${status.state}; only a job that has ended can be retried.`
        throw new AppError('compute.conflict', message, { state: status.state })
      }
      const copy = await admission.copy(definition, status, by)
      return view(copy.definition, copy.status, index.get(copy.definition.id) ?? null)
    },

    hold: (id) => control.hold(id),
    resume: (id) => control.resume(id),
    setPriority: (id, priority) => control.setPriority(id, priority),

    async result(id, waitMs, signal) {
      if (waitMs > 0 && index.get(id)) await ends.wait(id, clock, waitMs, signal)
      const { definition, status } = find(id)
      switch (status.state) {
        case 'succeeded':
          return readResult(storage.artifacts, definition, status)
        case 'failed': {
          const { code, message, details } = status.error ?? { code: 'internal', message: 'The job failed.' }
          throw new AppError(code, message, details)
        }
        case 'cancelled':
          throw new AppError(
            'compute.conflict',
            `Job ${id} was cancelled and has no result. Retry it to get one.`,
            { state: status.state },
          )
        default:
          throw new AppError(
            'compute.not_finished',
            `Job ${id} is ${status.state}; its result comes when it has ended.`,
            { state: status.state },
          )
      }
    },

    async log(id) {
      const { definition, status, live } = find(id)
      if (live?.log) return live.log.lines()
      const bytes = await storage.artifacts.read(definition.id, LOG)
      return bytes ? JobLog.decode(bytes).lines() : linesFromRow(definition, status)
    },

    queue: () => reader.view(),

    recent() {
      const jobs: Job[] = []
      for (const job of index.all()) {
        if (jobs.length >= MAX_RECENT) return jobs
        jobs.push(viewActive(job))
      }
      for (const job of [...recent.ended()].reverse()) {
        if (jobs.length >= MAX_RECENT) break
        jobs.push(job)
      }
      return jobs
    },

    usersOf: (model, version) =>
      [...index.all()]
        .filter(({ definition }) => definition.model === model && definition.modelVersion === version)
        .map(({ id }) => id),

    runtimes: () => executor.runtimes(),
    engines: () => executor.engines(),

    async unload(id) {
      const engine = pool.find(id)
      if (!engine)
        throw new AppError(
          'compute.not_found',
          `There is no engine ${id}. It may have been unloaded already.`,
          { engine: id },
        )
      if (engine.state === 'busy') {
        const message = `Engine ${id} runs job ${engine.job?.id ?? ''}. Cancel that job, or wait for its end.`
        throw new AppError('compute.conflict', message, { job: engine.job?.id })
      }
      await pool.evict(engine)
    },

    setEngineIdle: (ms) => pool.setIdle(ms),

    onDidChangeJobs: recent.onDidChange,

    dispose() {
      for (const off of unsubscribe.splice(0)) off()
      dispatcher.dispose()
      alarms.dispose()
      reader.dispose()
      retention.dispose()
      pool.dispose()
    },
  }

  async function settledWithin(ms: number): Promise<void> {
    let cancel: () => void = () => undefined
    const timeout = new Promise<void>((resolve) => {
      cancel = clock.setTimer(ms, resolve)
    })
    await Promise.race([dispatcher.idle(), timeout])
    cancel()
  }

  return compute
}
