import type { Clock } from '../../platform/clock'
import type { AbortReason, ActiveJob } from '../jobs/active-job'
import type { JobIndex } from '../jobs/job-index'
import { Arrivals } from './arrivals'
import { type Company, patienceMs } from './company'
import { gatherUntil } from './window'

export interface HoldsDeps {
  clock: Clock
  index: JobIndex
  company: Company
}

/** How many may run in one stack (1: none does), and those that would if it began now. */
type Joiners = () => { most: number; jobs: readonly ActiveJob[] }

interface Held {
  /** Since when it waits for one more than `count`. */
  sinceMs: number
  count: number
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
    const held: Held = { sinceMs: 0, count: 0, joiners, begin, cancel: () => undefined }
    const until = this.#untilOf(job, held)
    if (until === null) {
      begin(null)
      return false
    }
    job.abort = (reason) => this.#begin(job, reason)
    held.cancel = this.#arm(job, until)
    this.#held.set(job, held)
    return true
  }

  /** Somebody may have come. */
  look(): void {
    for (const [job, held] of this.#held) {
      held.cancel()
      const until = this.#untilOf(job, held)
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

  #untilOf(job: ActiveJob, held: Held): number | null {
    const { clock, company, index } = this.#deps
    const { kinKey, engineKey } = job
    const gapMs = this.#arrivals.gapMs(kinKey)
    // What others wait for is not held for those who may come.
    if (!Number.isFinite(gapMs) || index.hasOthersThan(job)) return null
    const { most, jobs } = held.joiners()
    const members = [job, ...jobs]
    if (members.length >= most) return null
    const nowMs = clock.now()
    // Not with every arrival: who may not run now comes without joining.
    if (members.length > held.count) Object.assign(held, { sinceMs: nowMs, count: members.length })
    return gatherUntil({
      nowMs,
      sinceMs: held.sinceMs,
      gapMs,
      count: members.length,
      targetMs: Math.min(
        ...members.flatMap((member) => [
          member.status.readyAt + company.targetMs(engineKey, latencyTargetOf(member)),
          nowMs + patienceMs(member.definition, nowMs),
        ]),
      ),
      runMs: (count) => company.runMs(engineKey, count),
    })
  }
}

/** Null: none was set. */
function latencyTargetOf({ definition: { parameters } }: ActiveJob): number | null {
  return parameters.kind === 'infer' ? parameters.latencyTargetMs : null
}
