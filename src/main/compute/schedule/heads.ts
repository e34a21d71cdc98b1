import { Heap } from './heap'
import { compareRank } from './rank'
import type { QueueClass, QueuedJob } from './types'

/** The first job of a class that has not been looked at, and how urgent it is. */
export interface Head {
  group: QueueClass
  index: number
  job: QueuedJob
  urgency: number
}

/** Smaller first: the planner's order between classes. */
export type UrgencyOf = (group: QueueClass, job: QueuedJob) => number

/** The jobs of all classes in the order of the queue, looked up no further than asked for. */
export class Heads {
  readonly #heap: Heap<Head>
  readonly #urgencyOf: UrgencyOf

  constructor(classes: readonly QueueClass[], urgencyOf: UrgencyOf) {
    this.#urgencyOf = urgencyOf
    const heads: Head[] = []
    for (const group of classes) {
      const head = this.#at(group, 0)
      if (head) heads.push(head)
    }
    this.#heap = new Heap<Head>((a, b) => a.urgency - b.urgency || compareRank(a.job, b.job), heads)
  }

  /** Who has been given something meanwhile is less urgent than it was, and nobody is more so: looked at again when first. */
  pop(): Head | undefined {
    for (let head = this.#heap.pop(); head; head = this.#heap.pop()) {
      const urgency = this.#urgencyOf(head.group, head.job)
      if (urgency <= head.urgency) return head
      this.#heap.push({ ...head, urgency })
    }
    return undefined
  }

  /** After `head` has been popped: the next of its class comes in its turn. */
  follow({ group, index }: Head): void {
    const next = this.#at(group, index + 1)
    if (next) this.#heap.push(next)
  }

  #at(group: QueueClass, index: number): Head | null {
    const job = group.jobs[index]
    return job ? { group, index, job, urgency: this.#urgencyOf(group, job) } : null
  }
}
