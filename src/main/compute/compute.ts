import type { Job, LogLine } from '../../shared/contract'
import { isTerminal } from '../../shared/domain/job-state'
import type { JobId } from '../../shared/domain/ids'
import { unpackTensors } from '../../shared/domain/tensor-codec'
import { AppError } from '../../shared/errors'
import { toIso } from '../platform/clock'
import type { Compute, ComputeDeps } from '.'
import { Alarms } from './dispatch/alarms'
import { runAttempt } from './dispatch/attempt'
import { Dispatcher } from './dispatch/dispatcher'
import { EnginePool } from './dispatch/engine-pool'
import { OwnLeases } from './dispatch/own-leases'
import { deadlineMissed, Settler } from './dispatch/settle'
import { JobEnds } from './job-ends'
import { ActiveJob, viewOf } from './jobs/active-job'
import { isInputs, LOG } from './jobs/artifact-names'
import { Estimates } from './jobs/estimates'
import { JobIndex } from './jobs/job-index'
import { JobLog } from './jobs/job-log'
import type { JobDefinition, JobStatus } from './jobs/job-row'
import { createJobStore } from './jobs/job-store'
import { LastHour } from './jobs/last-hour'
import { MAX_RECENT, Recent } from './jobs/recent'
import { QueueReader } from './queue-view'
import { reconcile } from './reconcile'
import { readResult } from './results'
import { Retention } from './retention'
import { DEFAULT_POLICY } from './schedule/types'
import { type PlainSpec, type Prepared, prepare, tensorsOf } from './submit'

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
  const recent = new Recent(now, (error) => logger.error({ err: error }, 'A listener to changes of jobs failed'))
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
      else void missDeadline(job)
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
    if (!stored) throw new AppError('compute.not_found', `There is no job ${id}. It may have been removed after 30 days.`, { job: id })
    return { ...stored, live: null }
  }

  /** The job, while it has not ended. @throws AppError `compute.conflict` when it has */
  function active(id: string, verb: string): ActiveJob {
    const { live, status } = find(id)
    if (!live) throw new AppError('compute.conflict', `Job ${id} has ${ENDED[status.state] ?? 'ended'}, so it cannot be ${verb}.`, { state: status.state })
    return live
  }

  function conflict(job: ActiveJob, verb: string, hint: string): AppError {
    const message = `Job ${job.id} is ${job.status.state}, so it cannot be ${verb}. ${hint}`
    return new AppError('compute.conflict', message, { state: job.status.state })
  }

  /** One acknowledged change of a job. */
  async function control(work: () => ActiveJob): Promise<Job> {
    return viewActive(await dispatcher.write(work))
  }

  function assertAccepting(): void {
    if (state === 'stopping') throw new AppError('system.stopping', 'LLMAgentOS is stopping and takes no more jobs.')
  }

  async function missDeadline(job: ActiveJob): Promise<void> {
    try {
      await dispatcher.write(() => {
        if (index.get(job.id) === job && job.status.state !== 'running') settler.end(job, 'failed', deadlineMissed())
      })
      job.abort?.('deadline')
    } catch (error) {
      logger.error({ err: error, job: job.id }, 'A deadline could not be acted upon')
    }
  }

  function watch(job: ActiveJob): void {
    const { deadline } = job.definition
    if (deadline !== null) alarms.set(deadline, { job: job.id, kind: 'deadline' })
    if (job.status.notBefore > now()) alarms.set(job.status.notBefore, { job: job.id, kind: 'ready' })
  }

  function assertDependencies(ids: readonly string[]): void {
    for (const id of ids) {
      if (index.get(id) || store.stateOf(id)) continue
      const message = `This job is to wait for job ${id}, which does not exist.`
      throw new AppError('compute.invalid_input', message, { input: 'dependsOn', wants: 'ids of jobs that exist', got: id })
    }
  }

  /** Writes a prepared job: acknowledged is what is on the disk. */
  async function admit(prepared: Prepared, spec: PlainSpec): Promise<Job> {
    const { definition, inputs } = prepared
    const { job, isNew } = await dispatcher.write(() => {
      assertAccepting()
      const known = definition.idempotencyKey && store.findByKey(definition.principal, definition.idempotencyKey)
      if (known) return { job: known, isNew: false as const }
      assertDependencies(definition.dependsOn)
      // Between the check and now the version may have been deleted; from here on the job protects it.
      if (definition.model !== null) storage.resolve(`${definition.model}@${definition.modelVersion}`)
      const status: JobStatus = {
        state: spec.hold ? 'held' : 'queued',
        priority: spec.priority,
        readyAt: definition.createdAt,
        notBefore: 0,
        cancelRequested: false,
        attempt: 0,
        failures: 0,
        interruptions: 0,
        itemsDone: 0,
        placement: null,
        queuedMs: 0,
        loadMs: 0,
        computeMs: 0,
        error: null,
        startedAt: null,
        finishedAt: null,
      }
      const added = new ActiveJob(store.insert(definition, status), definition, status)
      for (const { name, staged } of inputs) storage.artifacts.attach(staged, definition.id, name)
      for (const id of definition.dependsOn) {
        const dependency = index.get(id)?.status.state ?? store.stateOf(id)
        if (dependency === 'succeeded') continue
        added.waitingOn.add(id)
        if (dependency === 'failed' || dependency === 'cancelled') settler.doom(added, id)
      }
      added.log?.add(definition.createdAt, 'info', 0, 'Submitted')
      index.add(added)
      watch(added)
      return { job: added, isNew: true as const }
    })
    if (!isNew) return view(job.definition, job.status, index.get(job.definition.id) ?? null)
    return viewActive(job)
  }

  const compute: Compute = {
    async start() {
      for (const { definition, status } of store.lastEnded(2_000)) {
        recent.seed(definition, status)
        if (status.state === 'succeeded' && status.computeMs > 0) estimates.observeRun(definition, status.computeMs)
      }
      for (const ended of store.endedSince(now() - HOUR_MS, SEED_LIMIT)) lastHour.add(ended.state, ended.queuedMs, ended.finishedAt)
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

    async submit(spec, by) {
      assertAccepting()
      if (spec.idempotencyKey !== undefined) {
        const known = store.findByKey(by, spec.idempotencyKey)
        if (known) return view(known.definition, known.status, index.get(known.definition.id) ?? null)
      }
      assertDependencies(spec.dependsOn)
      return admit(await prepare({ core, storage, executor, clock }, spec, await tensorsOf(spec), by), spec)
    },

    get(id) {
      const { definition, status, live } = find(id)
      return view(definition, status, live)
    },

    list(query) {
      const { items, nextCursor } = store.list(query)
      return { items: items.map(({ definition, status }) => view(definition, status, index.get(definition.id) ?? null)), nextCursor }
    },

    async cancel(id) {
      const job = active(id, 'cancelled')
      await dispatcher.write(() => {
        if (active(id, 'cancelled').status.state !== 'running') settler.end(job, 'cancelled', null)
        else if (!job.status.cancelRequested) index.change(job, { cancelRequested: true })
      })
      if (job.status.finishedAt === null) {
        const ended = ends.wait(id, clock, null)
        job.abort?.('cancelled')
        await ended
      }
      return viewActive(job)
    },

    async retry(id, by) {
      assertAccepting()
      const { definition, status } = find(id)
      if (!isTerminal(status.state)) {
        throw new AppError('compute.conflict', `Job ${id} is ${status.state}; only a job that has ended can be retried.`, { state: status.state })
      }
      const tensors = []
      for (const name of storage.artifacts.list(definition.id).filter(isInputs)) {
        const bytes = await storage.artifacts.read(definition.id, name)
        if (bytes) tensors.push(...unpackTensors(bytes))
      }
      const spec = specOf(definition, status, now())
      return admit(await prepare({ core, storage, executor, clock }, spec, tensors, by), spec)
    },

    hold: (id) =>
      control(() => {
        const job = active(id, 'held')
        if (job.status.state !== 'queued') throw conflict(job, 'held', 'Only a queued job can.')
        index.change(job, { state: 'held', queuedMs: Math.max(job.status.queuedMs, now() - job.status.readyAt) })
        return job
      }),

    resume: (id) =>
      control(() => {
        const job = active(id, 'resumed')
        if (job.status.state !== 'held') throw conflict(job, 'resumed', 'Only a held job can.')
        index.change(job, { state: 'queued', readyAt: now() - job.status.queuedMs })
        return job
      }),

    setPriority: (id, priority) =>
      control(() => {
        const job = active(id, 'given another priority')
        index.change(job, { priority })
        return job
      }),

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
          throw new AppError('compute.conflict', `Job ${id} was cancelled and has no result. Retry it to get one.`, { state: status.state })
        default:
          throw new AppError('compute.not_finished', `Job ${id} is ${status.state}; its result comes when it has ended.`, { state: status.state })
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
      [...index.all()].filter(({ definition }) => definition.model === model && definition.modelVersion === version).map(({ id }) => id),

    runtimes: () => executor.runtimes(),
    engines: () => executor.engines(),

    async unload(id) {
      const engine = pool.find(id)
      if (!engine) throw new AppError('compute.not_found', `There is no engine ${id}. It may have been unloaded already.`, { engine: id })
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
    let cancel = () => undefined as void
    const timeout = new Promise<void>((resolve) => {
      cancel = clock.setTimer(ms, resolve)
    })
    await Promise.race([dispatcher.idle(), timeout])
    cancel()
  }

  return compute
}

const ENDED: Partial<Record<Job['state'], string>> = {
  succeeded: 'already succeeded',
  failed: 'already failed',
  cancelled: 'already been cancelled',
}

/** The specification of a job that ended, for another one; a deadline that has passed is not set again. */
function specOf(definition: JobDefinition, status: JobStatus, nowMs: number): PlainSpec {
  const { parameters, deadline } = definition
  const common = {
    name: definition.name,
    need: definition.need,
    priority: status.priority,
    ...(definition.timeoutMs === null ? {} : { timeoutMs: definition.timeoutMs }),
    ...(deadline !== null && deadline > nowMs ? { deadline: toIso(deadline) } : {}),
    maxAttempts: definition.maxAttempts,
    dependsOn: [...definition.dependsOn],
    labels: { ...definition.labels },
    hold: false,
  }
  const model = definition.reference ?? ''
  switch (parameters.kind) {
    case 'infer':
      return { ...common, kind: 'infer', model }
    case 'batch':
      return { ...common, kind: 'batch', model, batchSize: parameters.batchSize }
    case 'benchmark': {
      const { iterations, warmup, threads } = parameters
      return { ...common, kind: 'benchmark', model, iterations, warmup, threads }
    }
    case 'synthetic': {
      const { durationMs, busy, fail } = parameters
      return { ...common, kind: 'synthetic', durationMs, busy, ...(fail ? { fail } : {}) }
    }
  }
}

/** What the row itself tells, for a job that left no log. */
function linesFromRow(definition: JobDefinition, status: JobStatus): LogLine[] {
  const line = (at: number, level: LogLine['level'], attempt: number, text: string): LogLine => ({ at: toIso(at), level, attempt, text })
  const lines = [line(definition.createdAt, 'info', 0, 'Submitted')]
  if (status.startedAt !== null) lines.push(line(status.startedAt, 'info', status.attempt, 'Started'))
  if (status.finishedAt !== null) {
    if (status.error) lines.push(line(status.finishedAt, 'error', status.attempt, status.error.message))
    else lines.push(line(status.finishedAt, 'info', status.attempt, status.state === 'succeeded' ? 'Succeeded' : 'Cancelled'))
  }
  return lines
}

