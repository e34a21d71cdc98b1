import type { JobId } from '../../../shared/domain/ids'
import { canMove, isTerminal } from '../../../shared/domain/job-state'
import { AppError } from '../../../shared/errors'
import type { Database } from '../../platform/database'
import { Heads, type UrgencyOf } from '../schedule/heads'
import { compareRank, positionIn, rankInCourse, rankOf } from '../schedule/rank'
import type { QueueClass, QueuedJob } from '../schedule/types'
import type { Faster } from '../speeds'
import type { ActiveJob } from './active-job'
import { likenessOf } from './estimates'
import type { JobStatus } from './job-row'
import type { JobStore } from './job-store'

interface MutableClass extends QueueClass {
  jobs: QueuedJob[]
}

/** Of so many the order is found in some 0.1 ms. */
const MANY_CLASSES = 256

export interface JobIndexDeps {
  database: Database
  store: JobStore
  now(): number
  /** What a new engine takes, and how long a job runs once it has one. */
  loadOf(job: ActiveJob): QueueClass['load']
  runMsOf(job: ActiveJob): number | null
  /** The run time it is thought to stay within. */
  mostMsOf(job: ActiveJob): number | null
  /** The device that runs it soonest, were all free; null where none is known to be faster than others. */
  fastestFor(job: ActiveJob): Faster | null
  /** The greatest part of any resource of the machine that the job takes. */
  shareOf(job: ActiveJob): number
  unknownRunMs: number
  /** After each change, also when it is rolled back: `job.status` says how it stands now. */
  onChange(job: ActiveJob): void
  /** Its addition was rolled back: it never was. */
  onUndo(job: ActiveJob): void
}

/**
 * Every job that has not ended, as memory knows it. Changes are made within a transaction: row and memory together, and
 * a rollback takes both back.
 */
export class JobIndex {
  readonly #deps: JobIndexDeps
  readonly #jobs = new Map<JobId, ActiveJob>()
  readonly #classes = new Map<string, MutableClass>()
  #stranded: ReadonlySet<string> = new Set()
  readonly #running = new Set<ActiveJob>()
  readonly #byState = { queued: 0, held: 0, running: 0 }
  readonly #byPriority = new Map<number, number>()
  /** Jobs by those they were submitted to wait for, also when the wait is over. */
  readonly #dependents = new Map<JobId, Set<ActiveJob>>()

  constructor(deps: JobIndexDeps) {
    this.#deps = deps
  }

  get size(): number {
    return this.#jobs.size
  }

  get(id: string): ActiveJob | undefined {
    return this.#jobs.get(id as JobId)
  }

  all(): IterableIterator<ActiveJob> {
    return this.#jobs.values()
  }

  running(): IterableIterator<ActiveJob> {
    return this.#running.values()
  }

  /** Jobs that could start, for the planner. */
  classes(): QueueClass[] {
    return [...this.#classes.values()]
  }

  /** Those that queue for the same as a job; null when none does. */
  classOf({ classKey }: ActiveJob): QueueClass | null {
    return this.#classes.get(classKey) ?? null
  }

  /** The first of each class. */
  *heads(): Iterable<ActiveJob> {
    for (const { jobs } of this.#classes.values()) {
      const job = jobs[0] && this.#jobs.get(jobs[0].id)
      if (job) yield job
    }
  }

  /** Nobody has to wait behind these, until a turn says otherwise. Memory only. */
  strand(classKeys: ReadonlySet<string>): void {
    this.#stranded = classKeys
  }

  /** Keys of classes that wait for what no job has, as of the last turn. */
  get stranded(): ReadonlySet<string> {
    return this.#stranded
  }

  /** Whether any job queues that others have to wait behind. */
  get hasQueue(): boolean {
    if (this.#classes.size > this.#stranded.size) return true
    for (const key of this.#classes.keys()) if (!this.#stranded.has(key)) return true
    return false
  }

  /** Whether any of them needs something else than `job`. */
  hasOthersThan({ kinKey }: ActiveJob): boolean {
    if (this.#classes.size > MANY_CLASSES) return true
    for (const job of this.heads())
      if (job.kinKey !== kinKey && !this.#stranded.has(job.classKey)) return true
    return false
  }

  get counts(): Readonly<Record<'queued' | 'held' | 'running', number>> {
    return this.#byState
  }

  /** Queued jobs by priority. */
  get priorities(): ReadonlyMap<number, number> {
    return this.#byPriority
  }

  /** Active jobs that were submitted to wait for this one. */
  dependentsOf(id: JobId): Iterable<ActiveJob> {
    return this.#dependents.get(id) ?? []
  }

  /** Adds a job whose row has just been inserted (or read). Undone with the transaction now open. */
  add(job: ActiveJob): void {
    this.#link(job)
    this.#join(job)
    this.#deps.database.onRollback(() => {
      this.#leave(job)
      this.#unlink(job)
      this.#deps.onUndo(job)
    })
    this.#deps.onChange(job)
  }

  /**
   * The jobs of the queue that others have to wait behind, the next of all first. Asked between turns, so none where it takes long to find out.
   * @param urgencyOf smaller first, as the planner orders classes
   * @param isKept of a job that cannot start: it is left out, with all of its class
   */
  *inOrder(urgencyOf: UrgencyOf, isKept: (job: ActiveJob) => boolean): Iterable<ActiveJob> {
    if (this.#classes.size > MANY_CLASSES) return
    const heads = new Heads(this.classes(), urgencyOf)
    for (let head = heads.pop(); head; head = heads.pop()) {
      const job = this.#jobs.get(head.job.id)
      if (!job || this.#stranded.has(head.group.key) || isKept(job)) continue
      heads.follow(head)
      yield job
    }
  }

  /** Takes a job out of the queue ahead of the turn that will write that it runs. Memory only. */
  claim(job: ActiveJob): void {
    this.#dequeue(job)
    job.claimed = true
  }

  /** Changes row and memory. Within a transaction only. @param store false: memory alone; the caller sees to {@link store} */
  change(job: ActiveJob, change: Partial<JobStatus>, store = true): void {
    const before = job.status
    const after = { ...before, ...change }
    if (before.state !== after.state && !canMove(before.state, after.state)) {
      throw new AppError('internal', `Job ${job.id} cannot go from ${before.state} to ${after.state}.`)
    }
    if (store) this.#deps.store.update(job.id, after)
    this.#replace(job, after)
    this.#deps.database.onRollback(() => this.#replace(job, before))
  }

  /** Writes the row as memory has the job. Within a transaction only. */
  store(job: ActiveJob): void {
    this.#deps.store.update(job.id, job.status)
  }

  /** Writes what would be written before the commit. Within a transaction only. */
  flush(): void {
    this.#deps.store.flush()
  }

  /** Takes a job that may have become ready, or ceased to be, in or out of the queue. Memory only. */
  refresh(job: ActiveJob): void {
    this.#dequeue(job)
    this.#enqueue(job)
  }

  /** Estimates anew what waits for these engines: their order stays, when they are expected to end does not. Memory only. */
  reestimate(engineKeys: ReadonlySet<string>): void {
    if (engineKeys.size === 0) return
    for (const group of this.#classes.values()) {
      if (!engineKeys.has(group.engineKey)) continue
      let place: Pick<QueuedJob, 'device' | 'gainMs'> | undefined
      // Thousands may wait, and most are alike.
      const known = new Map<string, Pick<QueuedJob, 'runMs' | 'mostMs'>>()
      group.workMs = 0
      for (const entry of group.jobs) {
        const job = this.#jobs.get(entry.id) as ActiveJob
        // Of one class, so what is fast for one is fast for all.
        place ??= placeOf(this.#deps.fastestFor(job))
        const likeness = `${likenessOf(job.definition)} ${job.carried}`
        const times = known.get(likeness) ?? this.#timesOf(job)
        known.set(likeness, times)
        Object.assign(entry, times, job.step ? null : place)
        group.workMs += entry.runMs ?? this.#deps.unknownRunMs
      }
    }
  }

  #timesOf(job: ActiveJob): Pick<QueuedJob, 'runMs' | 'mostMs'> {
    return { runMs: this.#deps.runMsOf(job), mostMs: this.#deps.mostMsOf(job) }
  }

  #replace(job: ActiveJob, status: JobStatus): void {
    const hadEnded = isTerminal(job.status.state)
    const hasEnded = isTerminal(status.state)
    if (!hadEnded) this.#unlink(job)
    // When it queues again, much may be otherwise.
    if (job.status.state === 'queued' && status.state !== 'queued') {
      job.waitCauses = null
      job.forecast = null
    }
    job.status = status
    if (!hasEnded) this.#link(job)
    if (hasEnded && !hadEnded) this.#leave(job)
    if (hadEnded && !hasEnded) this.#join(job)
    this.#deps.onChange(job)
  }

  /** When it comes, and not with each change: there may be a thousand, which stay the same. */
  #join(job: ActiveJob): void {
    for (const id of job.definition.dependsOn) {
      const dependents = this.#dependents.get(id)
      if (dependents) dependents.add(job)
      else this.#dependents.set(id, new Set([job]))
    }
  }

  #leave(job: ActiveJob): void {
    for (const id of job.definition.dependsOn) {
      const dependents = this.#dependents.get(id)
      dependents?.delete(job)
      if (dependents?.size === 0) this.#dependents.delete(id)
    }
  }

  #link(job: ActiveJob): void {
    const { state, priority } = job.status
    this.#jobs.set(job.id, job)
    if (state === 'running') this.#running.add(job)
    if (state === 'queued' || state === 'held' || state === 'running') this.#byState[state]++
    if (state === 'queued') this.#byPriority.set(priority, (this.#byPriority.get(priority) ?? 0) + 1)
    this.#enqueue(job)
  }

  #unlink(job: ActiveJob): void {
    const { state, priority } = job.status
    this.#dequeue(job)
    this.#jobs.delete(job.id)
    this.#running.delete(job)
    if (state === 'queued' || state === 'held' || state === 'running') this.#byState[state]--
    if (state === 'queued') {
      const left = (this.#byPriority.get(priority) ?? 1) - 1
      if (left > 0) this.#byPriority.set(priority, left)
      else this.#byPriority.delete(priority)
    }
  }

  /** A job as it would stand in the queue. */
  entryOf(job: ActiveJob): QueuedJob {
    const { priority, readyAt } = job.status
    return {
      id: job.id,
      rank: job.step ? rankInCourse(priority, job.step.order) : rankOf(priority, readyAt),
      seq: job.seq,
      readyAt,
      priority,
      ...this.#timesOf(job),
      pipeline: job.definition.pipeline?.id ?? null,
      costMs: job.step?.costMs ?? null,
      ...placeOf(job.step ?? this.#deps.fastestFor(job)),
    }
  }

  /** The class that a job would stand in, without jobs. */
  emptyClassOf(job: ActiveJob): MutableClass {
    const { loadOf } = this.#deps
    const { need, place, principal } = job.definition
    return {
      key: job.classKey,
      engineKey: job.engineKey,
      principal,
      need,
      place,
      share: this.#deps.shareOf(job),
      get load() {
        return loadOf(job)
      },
      jobs: [],
      workMs: 0,
    }
  }

  #enqueue(job: ActiveJob): void {
    const { state, notBefore } = job.status
    if (state !== 'queued' || job.claimed || job.waitingOn.size > 0 || notBefore > this.#deps.now()) return
    const entry = this.entryOf(job)
    let group = this.#classes.get(job.classKey)
    if (!group) {
      group = this.emptyClassOf(job)
      this.#classes.set(job.classKey, group)
    }
    group.jobs.splice(positionIn(group.jobs, entry), 0, entry)
    group.workMs += entry.runMs ?? this.#deps.unknownRunMs
    job.queued = entry
  }

  #dequeue(job: ActiveJob): void {
    const entry = job.queued
    const group = this.#classes.get(job.classKey)
    if (!entry || !group) return
    const position = positionIn(group.jobs, entry)
    const found = group.jobs[position]
    if (!found || compareRank(found, entry) !== 0)
      throw new AppError('internal', `Job ${job.id} is not where it queued.`)
    if (position === 0) group.jobs.shift()
    else group.jobs.splice(position, 1)
    group.workMs = group.jobs.length === 0 ? 0 : group.workMs - (entry.runMs ?? this.#deps.unknownRunMs)
    job.queued = null
    if (group.jobs.length === 0) this.#classes.delete(job.classKey)
  }
}

function placeOf(faster: Faster | null): Pick<QueuedJob, 'device' | 'gainMs'> {
  return faster ? { device: faster.device, gainMs: faster.gainMs } : { device: null, gainMs: null }
}
