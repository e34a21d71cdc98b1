import type { ForeignHolder, QueueView, WaitCause } from '../../shared/contract'
import type { JobId, PrincipalId } from '../../shared/domain/ids'
import { entriesOf, type ResourceVector, vectorFrom } from '../../shared/domain/resources'
import { sayEnglish, waitWords } from '../../shared/words/wait-words'
import type { Core } from '../core'
import type { Clock } from '../platform/clock'
import { type ActiveJob, estimateOf, namedJob, startEstimateOf, waitCausesOf } from './jobs/active-job'
import type { JobIndex } from './jobs/job-index'
import type { LastHour } from './jobs/last-hour'
import type { ClassLoads } from './predictions/class-loads'
import type { TrackRecord } from './predictions/track-record'
import { emptyPlan } from './schedule/at-rest'
import { type Explained, Explainer, OF_ALL } from './schedule/explain'
import type { Forecast } from './schedule/forecast'
import { Heads, type UrgencyOf } from './schedule/heads'
import { predictedWaitMs, type WaitInput } from './schedule/predicted-wait'
import { effectivePriority, rankOf } from './schedule/rank'
import { startBehind } from './schedule/start-behind'
import type { Plan, QueueClass, QueuedJob } from './schedule/types'

const MAX_WAITING = 200
const DEFAULT_PRIORITY = 50
/** Reasons are worked out anew no more often. */
const INTERVAL_MS = 200
/** A class in which nobody queues yet. */
const NOBODYS: QueueClass = {
  key: '',
  engineKey: '',
  principal: '' as PrincipalId,
  need: {},
  share: 0,
  load: { memoryBytes: 0, estimateMs: 0 },
  jobs: [],
  workMs: 0,
}

export interface QueueReaderDeps {
  core: Core
  clock: Clock
  index: JobIndex
  lastHour: LastHour
  runMsOf(job: ActiveJob): number | null
  urgencyOf: UrgencyOf
  loads: ClassLoads
  record: TrackRecord
  /** The reason or the estimate of a job is another than before. */
  onExplained(job: ActiveJob): void
}

/** Says why jobs wait and for how long, from what the last turn decided. */
export class QueueReader {
  readonly #deps: QueueReaderDeps
  #plan: Plan = emptyPlan()
  #explained: Explained[] = []
  /** Whose start the newest forecast tells. */
  #foretold: JobId[] = []
  #explainedAt = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | null = null
  /** For all that is asked in one turn of the event loop and of the scheduler. */
  #explainer: Explainer | null = null

  constructor(deps: QueueReaderDeps) {
    this.#deps = deps
  }

  /** A turn has been planned. Within its transaction: the reasons follow when it is through. */
  planned(plan: Plan): void {
    const { clock } = this.#deps
    this.#plan = plan
    this.#explainer = null
    if (this.#cancel || (plan.blocked.size === 0 && this.#explained.length === 0)) return
    const waitMs = Math.max(0, this.#explainedAt + INTERVAL_MS - clock.now())
    this.#cancel = clock.setTimer(waitMs, () => {
      this.#cancel = null
      this.#explain()
    })
  }

  /** @param owner whose jobs it tells of that wait; null: everybody's */
  view(owner: PrincipalId | null): QueueView {
    const { clock, index, lastHour } = this.#deps
    const now = clock.now()
    if (now - this.#explainedAt >= INTERVAL_MS || this.#explained.length === 0) this.#explain()
    const waiting: QueueView['waiting'] = []
    for (const id of this.#firstOf(owner)) {
      const job = index.get(id)
      if (!job?.queued) continue
      const { priority, readyAt } = job.status
      waiting.push({
        job: id,
        name: job.definition.name,
        effectivePriority: effectivePriority(priority, readyAt, now),
        ...becauseOf(waitCausesOf(job, now, job.waitCauses ?? this.causesOf(job)), now),
        estimateMs: estimateOf(job, now),
        estimate: startEstimateOf(job, job.forecast),
      })
    }
    const { counts } = index
    if (waiting.length < Math.min(MAX_WAITING, counts.queued)) this.#addNotReady(waiting, owner, now)
    return {
      depth: counts.queued,
      byState: { ...counts },
      byPriority: [...index.priorities]
        .map(([priority, queued]) => ({ priority, queued }))
        .sort((a, b) => b.priority - a.priority),
      waiting,
      predictedWaitMs: this.#predict(now),
      lastHour: lastHour.view(now),
      predictions: this.#deps.record.view(),
      classes: this.#deps.loads.view(now),
    }
  }

  dispose(): void {
    this.#cancel?.()
  }

  /** In the order of the queue. */
  #firstOf(owner: PrincipalId | null): JobId[] {
    if (owner === null) return this.#explained.map(({ id }) => id)
    const { index, urgencyOf } = this.#deps
    const theirs = index.classes().filter(({ principal }) => principal === owner)
    const heads = new Heads(theirs, urgencyOf)
    const first: JobId[] = []
    for (let head = heads.pop(); head && first.length < MAX_WAITING; head = heads.pop()) {
      first.push(head.job.id)
      heads.follow(head)
    }
    return first
  }

  /** Jobs that wait for others, or for their next attempt: after those that could start. */
  #addNotReady(waiting: QueueView['waiting'], owner: PrincipalId | null, now: number): void {
    for (const job of this.#deps.index.all()) {
      if (waiting.length >= MAX_WAITING) return
      if (job.status.state !== 'queued' || job.queued) continue
      if (owner !== null && job.definition.principal !== owner) continue
      const { priority, readyAt } = job.status
      waiting.push({
        job: job.id,
        name: job.definition.name,
        effectivePriority: effectivePriority(priority, readyAt, now),
        ...becauseOf(waitCausesOf(job, now), now),
        estimateMs: null,
        estimate: null,
      })
    }
  }

  /** Why a job waits that stands further back than the first. Empty when it is in no queue. */
  causesOf(job: ActiveJob): WaitCause[] {
    const group = this.#deps.index.classOf(job)
    if (!group || !job.queued) return []
    return this.#explainerNow().one(group, job.queued)
  }

  #explainerNow(): Explainer {
    if (!this.#explainer) {
      this.#explainer = this.#explainerAt(this.#deps.clock.now())
      setImmediate(() => {
        this.#explainer = null
      })
    }
    return this.#explainer
  }

  /** When one starts that stands further back than those whose starts are foretold; null where nobody knows. */
  forecastOf(job: ActiveJob): Forecast | null {
    const { clock, record, runMsOf } = this.#deps
    const now = clock.now()
    const waitMs = this.#waitBefore(job, now)
    if (waitMs === null) return null
    const last = this.#lastForetold()
    const lastMs = last && this.#waitBefore(last, now)
    const known = last?.forecast && lastMs !== null ? { waitMs: lastMs, foretold: last.forecast } : null
    const start = record.calibration.widen(startBehind(now, waitMs, known), now)
    return { ...start, endsAt: start.at + (runMsOf(job) ?? Number.POSITIVE_INFINITY), devices: [] }
  }

  /** Of those whose starts are foretold the one that starts last. */
  #lastForetold(): (ActiveJob & { forecast: Forecast }) | null {
    let last: (ActiveJob & { forecast: Forecast }) | null = null
    for (const id of this.#foretold) {
      const job = this.#deps.index.get(id)
      if (job && isForetold(job) && job.forecast.at > (last?.forecast.at ?? 0)) last = job
    }
    return last
  }

  /** By the work before it; null where something else keeps it from starting, or nobody knows. */
  #waitBefore(job: ActiveJob, now: number): number | null {
    const group = this.#deps.index.classOf(job)
    if (!group || !job.queued || this.#isKept(group.key)) return null
    return this.#waitMs(this.#workBefore(group, job.queued), now, group.need)
  }

  /** Without those that something else keeps from starting: nobody has to wait for their turn. */
  #workBefore(group: QueueClass, job: QueuedJob): WaitInput['waiting'] {
    const ahead = this.#explainerNow().ahead.of(group, job)
    return (
      ahead
        // One that has been emptied since is no longer among those of the queue.
        .filter(([{ key, jobs }]) => jobs.length > 0 && !this.#isKept(key))
        .map(([{ need, workMs, jobs }, count]) => ({ need, workMs: (workMs * count) / jobs.length }))
    )
  }

  /** Whether all of a class wait for something else than their turn. */
  #isKept(classKey: string): boolean {
    const { blocked, stranded } = this.#plan
    const block = blocked.get(classKey)
    return stranded.has(classKey) || (block !== undefined && OF_ALL.has(block.kind))
  }

  #explainerAt(nowMs: number): Explainer {
    const { core, index, urgencyOf } = this.#deps
    return new Explainer({
      nowMs,
      classes: index.classes(),
      plan: this.#plan,
      leases: core.listLeases(),
      kept: core.keptRoom(),
      foreign: foreignIn(core),
      unfit: core.listDevices().filter(({ health }) => health !== 'ok'),
      urgencyOf,
      endsInMs: (id) => {
        const job = index.get(id)
        return job ? this.#remainingOf(job, nowMs) : null
      },
      jobsOn: (engineKey) =>
        [...index.running()]
          .filter((job) => engineKey === null || job.engineKey === engineKey)
          .map(({ id }) => id),
      named: (id) => {
        const job = index.get(id)
        return job ? namedJob(job.definition) : { id, name: null, principal: null }
      },
    })
  }

  #explain(): void {
    const { clock, index, onExplained } = this.#deps
    this.#explainedAt = clock.now()
    const before = this.#explained
    this.#explained = this.#explainerAt(this.#explainedAt).first(MAX_WAITING)
    for (const { id, causes } of this.#explained) {
      const job = index.get(id)
      if (!job || (job.waitCauses && isSaidAlike(job.waitCauses, causes, this.#explainedAt))) continue
      job.waitCauses = causes
      onExplained(job)
    }
    this.#forgetOthers(before)
  }

  /** What was said of jobs that others have pushed back since is no longer so. */
  #forgetOthers(before: readonly Explained[]): void {
    if (this.#explained.length < MAX_WAITING) return
    const explained = new Set(this.#explained.map(({ id }) => id))
    for (const { id } of before) {
      const job = explained.has(id) ? undefined : this.#deps.index.get(id)
      if (!job?.queued) continue
      job.waitCauses = null
      job.forecast = null
      this.#deps.onExplained(job)
    }
  }

  /** What the scheduler was seen to do on a virtual clock. */
  foretold(forecasts: ReadonlyMap<JobId, Forecast>, madeAt: number): void {
    const { index, record, onExplained } = this.#deps
    const told = new Set([...this.#foretold, ...forecasts.keys()])
    this.#foretold = [...forecasts.keys()]
    for (const id of told) {
      const job = index.get(id)
      if (!job?.queued) continue
      const raw = forecasts.get(id)
      const forecast = raw ? record.calibration.widen(raw, madeAt) : null
      if (forecast) record.tell(job, forecast, madeAt)
      if (isLike(job.forecast, forecast, madeAt)) continue
      job.forecast = forecast
      onExplained(job)
    }
  }

  /** Of a job of default priority that came now, like no other, of somebody who has nothing of the machine. */
  #predict(now: number): number | null {
    const job = newcomerAt(now)
    return this.#waitMs(this.#workBefore({ ...NOBODYS, jobs: [job] }, job), now)
  }

  /** @param waiting what goes before @param need of one to whom all else is indifferent */
  #waitMs(waiting: WaitInput['waiting'], now: number, need?: ResourceVector): number | null {
    const { core, index } = this.#deps
    const { capacity: all, available } = core.resources()
    const names = need && entriesOf(need).map(([name]) => name)
    const capacity = names ? vectorFrom(entriesOf(all).filter(([name]) => names.includes(name))) : all
    const running = [...index.running()].map((job) => ({
      need: job.definition.need,
      remainingMs: this.#remainingOf(job, now),
    }))
    return predictedWaitMs({ capacity, available, running, waiting })
  }

  #remainingOf(job: ActiveJob, now: number): number | null {
    const runMs = this.#deps.runMsOf(job)
    return runMs === null ? null : Math.max(0, runMs + job.loadMs - (now - (job.status.startedAt ?? now)))
  }
}

function newcomerAt(now: number): QueuedJob {
  return {
    id: '' as JobId,
    rank: rankOf(DEFAULT_PRIORITY, now),
    seq: Number.MAX_SAFE_INTEGER,
    readyAt: now,
    priority: DEFAULT_PRIORITY,
    runMs: null,
    mostMs: null,
  }
}

function becauseOf(causes: WaitCause[], nowMs: number): { reason: string; causes: WaitCause[] } {
  return { reason: waitWords(causes, sayEnglish, nowMs) ?? '', causes }
}

/** Amounts of programs outside change all the time, by less than is said of them. */
function isSaidAlike(a: readonly WaitCause[], b: readonly WaitCause[], nowMs: number): boolean {
  const isOfTheSame = a.length === b.length && a.every((cause, i) => whomOf(cause) === whomOf(b[i]))
  return isOfTheSame && waitWords(a, sayEnglish, nowMs) === waitWords(b, sayEnglish, nowMs)
}

/** Whom the words do not tell from others of the same name. */
function whomOf(cause: WaitCause | undefined): string {
  if (cause && 'holders' in cause) return cause.holders.map(({ id }) => id).join()
  return cause?.kind === 'reserved' ? `${cause.request.principal}` : ''
}

function isForetold(job: ActiveJob): job is ActiveJob & { forecast: Forecast } {
  return job.queued !== null && job.forecast !== null
}

/** Not worth telling the window: it would shake. */
function isLike(a: Forecast | null, b: Forecast | null, now: number): boolean {
  if (a === null || b === null) return a === b
  return Math.abs(a.at - b.at) + Math.abs(a.latest - b.latest) <= 0.1 * Math.max(0, b.latest - now)
}

/** Programs outside; what they keep busy only where the device leaves that to them. */
function foreignIn(core: Core): ForeignHolder[] {
  const yielding = new Set(
    core.listDevices().flatMap(({ id, yieldsToOthers }) => (yieldsToOthers ? [id] : [])),
  )
  const { foreignHolders } = core.resources()
  return foreignHolders.map((holder) =>
    yielding.has(holder.device) ? holder : { ...holder, cpuCores: 0, gpu: 0 },
  )
}
