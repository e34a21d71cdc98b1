import type { Clock } from '../../platform/clock'
import type { AbortReason, ActiveJob } from '../jobs/active-job'
import type { JobIndex } from '../jobs/job-index'
import { Arrivals } from './arrivals'
import type { Company } from './company'
import { gatherUntil } from './window'

export interface HoldsDeps {
  clock: Clock
  index: JobIndex
  company: Company
}

/** How many may run in one stack (1: none does), and those that would if it began now. */
type Joiners = () => { most: number; jobs: readonly ActiveJob[] }

interface Held {
  sinceMs: number
  joiners: Joiners
  begin(stop: AbortReason | null): void
  cancel(): void
}

/** Runs that are about to begin and wait a moment for company, as long as that pays: see {@link gatherUntil}. */
export class Holds {
  readonly #deps: HoldsDeps
  readonly #arrivals = new Arrivals()
  readonly #held = new Map<ActiveJob, Held>()

  constructor(deps: HoldsDeps) {
    this.#deps = deps
  }

  /** Somebody submits a job. */
  arrived({ definition, kinKey }: ActiveJob): void {
    if (definition.kind === 'infer') this.#arrivals.note(kinKey, this.#deps.clock.now())
  }

  /**
   * Calls back at once, or when waiting no longer pays.
   * @param begin gets why it was asked to stop meanwhile
   * @returns whether it waits
   */
  gather(job: ActiveJob, joiners: Joiners, begin: (stop: AbortReason | null) => void): boolean {
    const sinceMs = this.#deps.clock.now()
    const until = this.#untilOf(job, sinceMs, joiners)
    if (until === null) {
      begin(null)
      return false
    }
    job.abort = (reason) => this.#begin(job, reason)
    this.#held.set(job, { sinceMs, joiners, begin, cancel: this.#arm(job, until) })
    return true
  }

  /** Somebody may have come. */
  look(): void {
    for (const [job, held] of this.#held) {
      held.cancel()
      const until = this.#untilOf(job, held.sinceMs, held.joiners)
      if (until === null) this.#begin(job, null)
      else held.cancel = this.#arm(job, until)
    }
  }

  dispose(): void {
    for (const { cancel } of this.#held.values()) cancel()
    this.#held.clear()
  }

  #arm(job: ActiveJob, untilMs: number): () => void {
    const { clock } = this.#deps
    return clock.setTimer(untilMs - clock.now(), () => this.#begin(job, null))
  }

  #begin(job: ActiveJob, stop: AbortReason | null): void {
    const held = this.#held.get(job)
    if (!this.#held.delete(job) || !held) return
    held.cancel()
    job.abort = null
    held.begin(stop)
  }

  #untilOf(job: ActiveJob, sinceMs: number, joiners: Joiners): number | null {
    const { clock, company, index } = this.#deps
    const { kinKey, engineKey } = job
    const gapMs = this.#arrivals.gapMs(kinKey)
    // What others wait for is not held for those who may come.
    if (!Number.isFinite(gapMs) || index.hasOthersThan(job)) return null
    const { most, jobs } = joiners()
    const members = [job, ...jobs]
    if (members.length >= most) return null
    return gatherUntil({
      nowMs: clock.now(),
      sinceMs: Math.max(sinceMs, this.#arrivals.lastAt(kinKey)),
      gapMs,
      count: members.length,
      targetMs: Math.min(
        ...members.map(
          (member) => member.status.readyAt + company.targetMs(engineKey, latencyTargetOf(member)),
        ),
      ),
      runMs: (count) => company.runMs(engineKey, count),
    })
  }
}

/** Null: none was set. */
function latencyTargetOf({ definition: { parameters } }: ActiveJob): number | null {
  return parameters.kind === 'infer' ? parameters.latencyTargetMs : null
}
