import type { JobId } from '../../../shared/domain/ids'
import { type Ending, judge, type Verdict } from '../dispatch/conditions'
import type { Arrival } from './scene'

interface Dependent {
  arrival: Arrival
  /** Jobs that have not ended. */
  awaited: Set<JobId>
}

/** Who waits for the end of whom, and how each job that is over has ended. */
export class Dependents {
  readonly #endings = new Map<JobId, Ending>()
  /** By a job that has not ended: those that have come and wait for it. */
  readonly #waiting = new Map<JobId, Dependent[]>()

  /** So many jobs are over. */
  get over(): number {
    return this.#endings.size
  }

  isOver(job: JobId): boolean {
    return this.#endings.has(job)
  }

  /** One has come that depends on others. */
  add(arrival: Arrival): void {
    const { after = [] } = arrival
    const dependent = { arrival, awaited: new Set(after.filter((id) => !this.isOver(id))) }
    for (const id of dependent.awaited) this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), dependent])
  }

  /** What becomes of it, as far as those it depends on have ended. */
  verdictOn({ after = [], runWhen = 'succeeded' }: Arrival): Verdict {
    return judge(
      runWhen,
      after.map((id) => this.#endings.get(id) ?? null),
    )
  }

  /** A job is over. @returns those of which it may be known now what becomes of them */
  end(job: JobId, ending: Ending): Arrival[] {
    this.#endings.set(job, ending)
    const dependents = this.#waiting.get(job) ?? []
    this.#waiting.delete(job)
    const isFailure = ending === 'failed' || ending === 'cancelled'
    return dependents.flatMap(({ arrival, awaited }) => {
      awaited.delete(job)
      return awaited.size === 0 || isFailure ? [arrival] : []
    })
  }
}
