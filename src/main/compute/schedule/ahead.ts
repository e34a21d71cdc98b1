import type { UrgencyOf } from './heads'
import { compareRank, positionIn } from './rank'
import type { QueueClass, QueuedJob } from './types'

interface Standing {
  job: QueuedJob
  urgency: number
}

/**
 * How many jobs go before one, in the order of the queue. Of a class only the first competes, however urgent those behind
 * it are: a job goes after all that go before any of those before it in its class. So it is the least urgent up to a place
 * that counts, which never becomes more urgent along a class. Kept, so that all that is asked costs each job once.
 */
export class Ahead {
  readonly #classes: readonly QueueClass[]
  readonly #urgencyOf: UrgencyOf
  /** By class, as far as was asked: for each place the least urgent up to there. */
  readonly #known = new Map<QueueClass, Standing[]>()

  constructor(classes: readonly QueueClass[], urgencyOf: UrgencyOf) {
    this.#classes = classes
    this.#urgencyOf = urgencyOf
  }

  /** By class. @param group the class of the job, which need not be of the queue */
  of(group: QueueClass, job: QueuedJob): [QueueClass, number][] {
    const position = positionIn(group.jobs, job)
    const before = this.#growWhile(group, (known) => known.length < position)[position - 1]
    const last = lessUrgent(before, { job, urgency: this.#urgencyOf(group, job) })
    return this.#classes.map((other) => [other, other === group ? position : this.#countBefore(last, other)])
  }

  #countBefore(last: Standing, group: QueueClass): number {
    const isAhead = (one: Standing | undefined) => !one || compare(one, last) < 0
    return countWhile(
      this.#growWhile(group, (known) => isAhead(known.at(-1))),
      isAhead,
    )
  }

  #growWhile(group: QueueClass, isTooShort: (known: readonly Standing[]) => boolean): readonly Standing[] {
    const known = this.#known.get(group) ?? []
    this.#known.set(group, known)
    while (isTooShort(known)) {
      const job = group.jobs[known.length]
      if (!job) break
      known.push(lessUrgent(known.at(-1), { job, urgency: this.#urgencyOf(group, job) }))
    }
    return known
  }
}

function compare(a: Standing, b: Standing): number {
  return a.urgency - b.urgency || compareRank(a.job, b.job)
}

function lessUrgent(a: Standing | undefined, b: Standing): Standing {
  return a && compare(a, b) > 0 ? a : b
}

/** How many come before the first that does not fulfil it, when those that do come first. */
function countWhile<T>(items: readonly T[], fulfils: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (fulfils(items[middle] as T)) low = middle + 1
    else high = middle
  }
  return low
}
