import { type Job, MOST_ENDED_LIVE } from '../../../shared/contract'
import { Emitter, type Event } from '../../platform/events'
import type { ActiveJob } from './active-job'
import { viewOf } from './active-job'
import type { JobDefinition, JobStatus } from './job-row'

/** What the window shows live: changes, gathered for one turn of the event loop, and the jobs that ended last. */
export class Recent {
  readonly #now: () => number
  readonly #emitter: Emitter<{ changed: Job[]; removed: string[] }>
  readonly #ended = new Map<string, Job>()
  readonly #changed = new Set<ActiveJob>()
  #removed: string[] = []
  #scheduled = false

  constructor(now: () => number, onError: (error: unknown) => void) {
    this.#now = now
    this.#emitter = new Emitter(onError)
  }

  get onDidChange(): Event<{ changed: Job[]; removed: string[] }> {
    return this.#emitter.event
  }

  get(id: string): Job | undefined {
    return this.#ended.get(id)
  }

  ended(): IterableIterator<Job> {
    return this.#ended.values()
  }

  /** At the start: jobs that ended before. */
  seed(definition: JobDefinition, status: JobStatus): void {
    this.#keep(viewOf(definition, status, null, this.#now()))
  }

  touch(job: ActiveJob): void {
    this.#changed.add(job)
    this.#schedule()
  }

  /** A job that was touched in a transaction which came to nothing. */
  untouch(job: ActiveJob): void {
    this.#changed.delete(job)
  }

  forget(id: string): void {
    if (this.#ended.delete(id)) this.#removed.push(id)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After the commit that is under way: what is shown has happened.
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    const now = this.#now()
    const changed: Job[] = []
    for (const job of this.#changed) {
      const ended = job.status.finishedAt !== null
      const view = viewOf(job.definition, job.status, ended ? null : job, now)
      if (ended) this.#keep(view)
      changed.push(view)
    }
    this.#changed.clear()
    const removed = this.#removed
    this.#removed = []
    if (changed.length > 0 || removed.length > 0) this.#emitter.fire({ changed, removed })
  }

  #keep(view: Job): void {
    this.#ended.set(view.id, view)
    if (this.#ended.size <= MOST_ENDED_LIVE) return
    const oldest = this.#ended.keys().next().value
    if (oldest === undefined) return
    this.#ended.delete(oldest)
    this.#removed.push(oldest)
  }
}
