import { MOST_ENDED_LIVE } from '../../shared/contract'
import { TIMED_RESOURCES } from '../../shared/domain/budget'
import type { JobId } from '../../shared/domain/ids'
import { isTerminal } from '../../shared/domain/job-state'
import { AppError } from '../../shared/errors'
import { createBreather } from '../platform/breather'
import type { Compute, ComputeDeps } from '.'
import { Admission } from './admission'
import { Control } from './control'
import { Courses } from './courses'
import { Alarms } from './dispatch/alarms'
import { type AttemptEnd, runAttempt } from './dispatch/attempt'
import { Company } from './dispatch/company'
import { type Attempt, Dispatcher } from './dispatch/dispatcher'
import { EnginePool, type PooledEngine } from './dispatch/engine-pool'
import { workingDevice } from './dispatch/leased-device'
import { LostDevices } from './dispatch/lost-devices'
import { OwnLeases } from './dispatch/own-leases'
import { PausedTexts } from './dispatch/paused-texts'
import { runTogether, type TogetherDeps } from './dispatch/run-together'
import { Settler } from './dispatch/settle'
import { JobEnds } from './job-ends'
import { JobTexts, textsOf } from './job-texts'
import { JobViews } from './job-views'
import { ActiveJob } from './jobs/active-job'
import { Estimates } from './jobs/estimates'
import { JobIndex } from './jobs/job-index'
import { createJobStore } from './jobs/job-store'
import { LastHour } from './jobs/last-hour'
import { createPipelineStore } from './jobs/pipeline-store'
import { canGoOn } from './jobs/preemption'
import { Recent } from './jobs/recent'
import { Pipelines } from './pipelines'
import { ClassLoads } from './predictions/class-loads'
import { Forecaster } from './predictions/forecaster'
import { sceneOf } from './predictions/scene'
import { TrackRecord } from './predictions/track-record'
import { WhatIf } from './predictions/what-if'
import { QueueReader } from './queue-view'
import { reconcile } from './reconcile'
import { Retention } from './retention'
import { saveAsDataset } from './save-dataset'
import type { Guess } from './schedule/guess'
import type { Scene } from './schedule/scene'
import { shareOfMachine, usedUpFor } from './schedule/share'
import { DEFAULT_POLICY, type PlanState } from './schedule/types'
import { fastestFor, kindOf, outputBytes } from './speeds'

const HOUR_MS = 3_600_000
const SEED_LIMIT = 100_000
/** What a deadline, or a device that was removed, ends could not be written, for want of room it may be. */
const DEADLINE_RETRY_MS = 1_000
/** Jobs at the head of the queue whose starts are foretold. */
const MOST_FORETOLD = 200
/** After being told to stop, an attempt has so long before it is left to the next start. */
const ABORT_GRACE_MS = 5_000

export function createCompute(deps: ComputeDeps): Compute {
  const { core, storage, database, clock, logger, executor, replays } = deps
  const policy = { ...DEFAULT_POLICY, ...deps.policy }
  const store = createJobStore(database)
  const pipelineStore = createPipelineStore(database, store)
  const estimates = new Estimates()
  const company = new Company()
  const lastHour = new LastHour()
  const loads = new ClassLoads(({ need }) => shareOfMachine(need, core.capacity()), policy.maxEngines)
  const ends = new JobEnds()
  const texts = new JobTexts()
  const ownLeases = new OwnLeases()
  const pausedTexts = new PausedTexts(deps.pausedDir, logger)
  const lostDevices = new LostDevices(core, logger)
  const unsubscribe: (() => void)[] = []
  let state: 'new' | 'running' | 'stopping' = 'new'

  const now = () => clock.now()
  const restOf = (ms: number | null, { carried }: ActiveJob) => ms && ms * (1 - carried)
  function runMsOf(job: ActiveJob): number | null {
    const { definition, status } = job
    // Cores are alike; accelerators are not.
    const device = kindOf(job) === 'cpu' ? null : workingDevice(status.placement)
    return restOf(device === null ? estimates.runMs(definition) : estimates.runMsOn(definition, device), job)
  }
  const mostMsOf = (job: ActiveJob) => restOf(estimates.mostMs(job.definition), job)
  function guessOf(job: ActiveJob): Guess | null {
    const guess = estimates.guess(job.definition)
    return guess && { ...guess, medianMs: Math.max(1, restOf(guess.medianMs, job) ?? 0) }
  }
  const shareOf = ({ definition }: ActiveJob) => shareOfMachine(definition.need, core.capacity())
  const recent = new Recent(now, (error) =>
    logger.error({ err: error }, 'A listener to changes of jobs failed'),
  )
  const courses: Courses = new Courses({
    core,
    clock,
    logger,
    replays,
    index: () => index,
    runMsOn: (job, device) => restOf(estimates.runMsOn(job.definition, device), job),
    outputBytesOf: (job) => outputBytes(pool.resolve(job)) * job.definition.items,
    unknownRunMs: policy.unknownRunMs,
    onPlanned: () => dispatcher.request(),
  })
  const index: JobIndex = new JobIndex({
    database,
    store,
    now,
    loadOf: (job) => pool.loadOf(job),
    runMsOf,
    mostMsOf,
    fastestFor: (job) => fastestFor(job, () => core.listDevices(), estimates),
    shareOf,
    unknownRunMs: policy.unknownRunMs,
    onChange(job) {
      recent.touch(job)
      record.changed(job)
      courses.changed(job)
    },
    onUndo(job) {
      recent.untouch(job)
      courses.forget(job)
    },
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
    // What is neither active nor ended is gone: nobody will ever say that it succeeded.
    endingOf: (id) => (index.get(id) ? null : (store.endingOf(id) ?? 'failed')),
    onEnd(job) {
      ends.ended(job)
      texts.ended(job.id)
      pausedTexts.drop(job)
      const { state: ending, queuedMs, loadMs, computeMs, startedAt } = job.status
      // A turn that is rolled back ends it again.
      database.afterCommit(() => {
        retention.count()
        lastHour.add(ending, queuedMs, now())
        if (startedAt !== null && ending !== 'cancelled')
          loads.ended(job.definition, queuedMs, loadMs + computeMs, now())
      })
    },
    onBackoff: (job, at) => alarms.set(at, { job: job.id, kind: 'ready' }),
  })
  const record: TrackRecord = new TrackRecord({
    database,
    clock,
    logger,
    isActive: (id) => index.get(id) !== undefined,
    startOf: (id) => store.onlyStartOf(id),
  })
  const forecaster = new Forecaster({
    clock,
    logger,
    replays,
    sceneOf: (state) => (index.counts.queued === 0 ? null : scene(state, MOST_FORETOLD)),
    requestTurn: () => dispatcher.request(),
    onForecast: (forecasts, madeAt) => reader.foretold(forecasts, madeAt),
  })
  const reader: QueueReader = new QueueReader({
    core,
    clock,
    index,
    lastHour,
    runMsOf,
    urgencyOf: (group, job) => dispatcher.urgencyOf(group, job),
    loads,
    record,
    onExplained: (job) => recent.touch(job),
  })
  const running: TogetherDeps = {
    executor,
    storage,
    database,
    clock,
    logger,
    index,
    pool,
    estimates,
    company,
    pausedTexts,
    isStopping: () => state === 'stopping',
    onProgress: (changed) => recent.touch(changed),
    onText: (changed, completion) => texts.grown(changed, completion),
  }
  async function runAlone({ job, attempt }: Attempt, engine: PooledEngine): Promise<AttemptEnd[]> {
    const end = await runAttempt(running, job, engine, attempt)
    if (job.definition.kind === 'infer' && end.outcome.kind === 'succeeded')
      company.learn(engine.key, 1, end.computeMs, false)
    return [end]
  }
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
    mostMsOf,
    shareOf,
    company,
    mayGroup: () => deps.runsTogether(),
    async run(attempts, engine, stack) {
      for (const { job } of attempts) job.runMs = runMsOf(job)
      const [first, ...others] = attempts
      const ended =
        first && others.length === 0 ? runAlone(first, engine) : runTogether(running, attempts, engine, stack)
      for (const { job } of attempts) {
        // Its device may have gone, or its budget been used up, after it was planned.
        lostDevices.abort(job)
        const { need, principal } = job.definition
        if (usedUpFor(need, core.limitsOf(principal)?.usedUp ?? [])) job.abort?.('budget')
      }
      const ends = await ended
      return Promise.all(ends.map((end) => (end.outcome.kind === 'succeeded' ? end : lostDevices.judge(end))))
    },
    beforePlan() {
      courses.refresh()
      index.reestimate(estimates.takeMoved())
    },
    onState: (present) => forecaster.look(present),
    onPlan(decided) {
      forecaster.planned(decided)
      reader.planned(decided)
    },
  })
  const whatIf = new WhatIf({
    core,
    clock,
    policy,
    engineIdleMs: () => pool.idleMs,
    replays,
    runMsOf,
    guessOf,
    mostMsOf,
    loadOf: (job) => pool.loadOf(job),
    lastDay: (cursor, limit) => store.list({ limit, cursor: cursor ?? undefined }),
    active: () => index.all(),
  })
  const retention = new Retention({
    store,
    pipelines: pipelineStore,
    storage,
    database,
    clock,
    logger,
    isNeeded: (id) => [...index.dependentsOf(id as JobId)].length > 0,
    keepOutcome: (id) => pipelines.keepOutcome(id),
    onRemove: (id) => recent.forget(id),
  })
  const alarms = new Alarms<{ job: JobId; kind: 'ready' | 'deadline' }>(
    clock,
    (rung) => {
      for (const { job: id, kind } of rung) {
        const job = index.get(id)
        if (!job) continue
        if (kind === 'ready') index.refresh(job)
        else void missDeadline(job)
      }
      dispatcher.request()
    },
    ({ job }) => index.get(job) !== undefined,
  )

  async function missDeadline(job: ActiveJob): Promise<void> {
    const isWritten = await control.missDeadline(job)
    if (!isWritten) alarms.set(now() + DEADLINE_RETRY_MS, { job: job.id, kind: 'deadline' })
  }

  async function endImpossible(): Promise<void> {
    if (state === 'stopping' || (await control.endImpossible())) return
    clock.setTimer(DEADLINE_RETRY_MS, () => void endImpossible())
  }

  const views = new JobViews({
    store,
    index,
    recent,
    artifacts: storage.artifacts,
    clock,
    causesOf: (job) => reader.causesOf(job),
    forecastOf: (job) => reader.forecastOf(job),
  })

  function scene(present: PlanState, limit: number): Scene {
    const { urgencyOf } = dispatcher
    const engineOf = (job: ActiveJob) => pool.refOf(job)
    const { budgetUse } = core
    return sceneOf({ state: present, index, engineOf, urgencyOf, guessOf, budgetUse }, limit)
  }

  function watch(job: ActiveJob): void {
    loads.arrived(job.definition, job.definition.createdAt)
    const { deadline } = job.definition
    if (deadline !== null) alarms.set(deadline, { job: job.id, kind: 'deadline' })
    if (job.status.notBefore > now()) alarms.set(job.status.notBefore, { job: job.id, kind: 'ready' })
  }

  const control: Control = new Control({
    core,
    clock,
    logger,
    index,
    settler,
    ends,
    find: (id) => views.find(id),
    write: (work) => dispatcher.write(work),
    view: (job) => views.of(job),
    leastMemoryOf: (job) => pool.leastMemoryOf(job),
  })
  const admission = new Admission({
    core,
    database,
    storage,
    executor,
    clock,
    store,
    index,
    settler,
    enter: (job, work) => dispatcher.enter(job, work),
    isStopping: () => state === 'stopping',
    onAdd: watch,
    onTakeOver(job) {
      recent.touch(job)
      database.onRollback(() => recent.untouch(job))
      database.afterCommit(() => retention.count())
    },
  })
  const pipelines: Pipelines = new Pipelines({
    clock,
    pipelines: pipelineStore,
    admission,
    write: (work) => dispatcher.write(work),
    find: (id) => views.find(id),
    view: (found) => views.whole(found),
    cancel: (id) => control.cancel(id),
    runMsOf: (definition) => estimates.runMs(definition),
  })

  const compute: Compute = {
    async start() {
      const breathe = createBreather()
      for (const page of store.lastEnded(MOST_ENDED_LIVE)) {
        for (const { definition, status } of page) {
          recent.seed(definition, status)
          // With earlier attempts, their time is in it too.
          if (status.state === 'succeeded' && status.attempts.length === 0 && status.computeMs > 0)
            estimates.observeRun(definition, status.computeMs, workingDevice(status.placement))
        }
        await breathe()
      }
      for (const page of store.endedSince(now() - HOUR_MS, SEED_LIMIT)) {
        for (const ended of page) lastHour.add(ended.state, ended.queuedMs, ended.finishedAt)
        await breathe()
      }
      await reconcile({ store, storage, database, clock, logger, index, settler, watch })
      await pausedTexts.sweep((id) => index.get(id) !== undefined)
      record.load()
      unsubscribe.push(
        core.onDidChangeLeases((change) => {
          if (ownLeases.concernsOthers(change)) dispatcher.request()
        }),
        core.onDidChangeDevices(({ changed, removed }) => {
          if (removed.length > 0) void endImpossible()
          if (lostDevices.note(changed)) for (const job of dispatcher.running) lostDevices.abort(job)
          dispatcher.request()
        }),
        core.onDidUseUpBudget(({ principal, resource }) => {
          for (const { definition, abort } of dispatcher.running)
            if (definition.principal === principal && definition.need[TIMED_RESOURCES[resource]])
              abort?.('budget')
        }),
        core.onDidLackMemory((lacks) => pool.makeRoom(lacks)),
        executor.onDidTryRuntime(() => dispatcher.request()),
        // What other programs hold changes without a lease: worth a look once a second while something waits.
        core.onDidSample(() => {
          if (index.counts.queued > 0) dispatcher.request()
        }),
      )
      state = 'running'
      retention.start()
      dispatcher.start()
      // A device may have been removed while nobody listened.
      void endImpossible()
    },

    async stop(graceMs) {
      if (state === 'stopping') return
      state = 'stopping'
      dispatcher.pause()
      for (const job of dispatcher.running) if (canGoOn(job.definition.parameters)) job.abort?.('stopping')
      await settledWithin(graceMs)
      for (const job of dispatcher.running) job.abort?.('stopping')
      await settledWithin(ABORT_GRACE_MS)
      await pool.unloadAll()
    },

    async submit(spec, by, signal) {
      const job = await admission.submit(spec, by)
      if (spec.waitMs > 0 && index.get(job.definition.id))
        await ends.wait(job.definition.id, clock, spec.waitMs, signal)
      const now = job instanceof ActiveJob ? job : views.find(job.definition.id)
      if (spec.waitMs === 0 || now.status.state !== 'succeeded') return views.of(now)
      return { ...views.of(now), result: await views.result(now) }
    },

    get: (id) => views.get(id),
    list: (query) => views.list(query),

    cancel: (id) => control.cancel(id),

    async retry(id, by) {
      const { definition, status } = views.find(id)
      if (!isTerminal(status.state)) {
        const message = `Job ${id} is ${status.state}; only a job that has ended can be retried.`
        throw new AppError('compute.conflict', message, { state: status.state })
      }
      return views.of(await admission.copy(definition, status, by))
    },

    hold: (id) => control.hold(id),
    resume: (id) => control.resume(id),
    setPriority: (id, priority) => control.setPriority(id, priority),

    async result(id, waitMs, signal) {
      if (waitMs > 0 && index.get(id)) await ends.wait(id, clock, waitMs, signal)
      return views.result(views.find(id))
    },

    async saveDataset(id, name, by) {
      return saveAsDataset(storage, views.find(id), name, by)
    },

    async *text(id, signal) {
      const found = views.find(id)
      const { live, definition, status } = found
      if (live) yield* texts.follow(live, signal)
      else if (definition.kind === 'generate' && status.state === 'succeeded')
        yield* textsOf(await views.result(found))
    },

    log: (id) => views.log(id),

    submitPipeline: (spec, by) => pipelines.submit(spec, by),
    getPipeline: (id) => pipelines.get(id),
    ownersOf: (ids) => store.ownersOf(ids),
    pipelineOwner: (id) => pipelines.ownerOf(id),
    pipelineUses: (id) => pipelines.usesOf(id),
    listPipelines: (query, owner) => pipelines.list(query, owner),
    cancelPipeline: (id) => pipelines.cancel(id),
    retryPipeline: (id, by) => pipelines.retry(id, by),

    queue: (owner = null) => reader.view(owner),
    whatIf: (question, signal) => whatIf.ask(question, signal),

    recent: (owner) => views.recent(owner),
    // Until those that were left are taken up, only their rows tell of them.
    usersOf: (model, version) =>
      state === 'new' ? store.unfinishedOf(model, version) : views.usersOf(model, version),

    runtimes: () => executor.runtimes(),
    engines: () => executor.engines(),
    enforcement: () => executor.enforcement(),

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

    async dispose() {
      for (const off of unsubscribe.splice(0)) off()
      dispatcher.dispose()
      alarms.dispose()
      reader.dispose()
      forecaster.dispose()
      courses.dispose()
      record.dispose()
      retention.dispose()
      pool.dispose()
      await replays.dispose()
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
