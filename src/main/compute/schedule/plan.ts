import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import {
  addVectors,
  entriesOf,
  type ResourceVector,
  subtractVectors,
  vectorFrom,
} from '../../../shared/domain/resources'
import { Engines } from './engines'
import { Heap } from './heap'
import { compareRank } from './rank'
import { type Place, Space } from './space'
import type { Block, Plan, PlanState, QueueClass, QueuedJob } from './types'

const RESOURCES: Block = { kind: 'resources' }

interface Cursor {
  group: QueueClass
  index: number
  head: QueuedJob
}

/**
 * Decides one turn: which jobs start where, and why the others wait. Pure: the same state gives the same plan.
 *
 * Jobs are taken in order of rank. One that does not fit is passed over, so that smaller ones use what is free, until
 * it has waited `holdBackAfterMs`: from then on what it needs is kept for it. The cost is that of the classes of the
 * queue and of the starts, not of the jobs; when very many classes do not fit, the rest is not looked at this turn.
 */
export function plan(state: PlanState, place: Place): Plan {
  const turn = new Turn(state, place)
  const heads = new Heap<Cursor>((a, b) => compareRank(a.head, b.head), state.classes.flatMap(cursorOf))
  for (
    let cursor = heads.pop();
    cursor && turn.result.blocked.size < state.policy.maxBlocked;
    cursor = heads.pop()
  ) {
    const { group, head } = cursor
    const block = turn.tryStart(group, head)
    if (block) {
      turn.result.blocked.set(group.key, block)
      continue
    }
    const next = group.jobs[++cursor.index]
    if (next) {
      cursor.head = next
      heads.push(cursor)
    }
  }
  return turn.end()
}

function cursorOf(group: QueueClass): Cursor[] {
  const [head] = group.jobs
  return head ? [{ group, index: 0, head }] : []
}

class Turn {
  readonly result: Plan
  readonly #state: PlanState
  readonly #engines: Engines
  readonly #quotaLeft = new Map<PrincipalId, ResourceVector>()
  #space: Space
  /** The room as it would be without what is kept for the job that holds the others back. */
  #unreserved: Space | null = null
  #heldBackBy: JobId | null = null

  constructor(state: PlanState, place: Place) {
    this.#state = state
    this.#engines = new Engines(state)
    this.#space = new Space(state.devices, place)
    this.result = { start: [], evict: [], blocked: new Map(), left: {} }
  }

  end(): Plan {
    this.result.left = (this.#unreserved ?? this.#space).total()
    return this.result
  }

  /** Null when it starts. */
  tryStart(group: QueueClass, job: QueuedJob): Block | null {
    const quota = this.#quotaShortage(group)
    if (quota) return { kind: 'quota', missing: quota }
    const placement = this.#space.fits(group.need)
    if (!placement) return this.#lacks(job, group.need)
    // The memory of the engine is taken beside the need, so what the need took is not offered to the engine.
    const rest = entriesOf(group.need).some(([name]) => name === 'memoryBytes')
      ? this.#space.copy()
      : this.#space
    if (rest !== this.#space) rest.take(placement)
    const choice = this.#engines.choose(group, job, rest, this.#waitedLong(job))
    if (choice.kind === 'wait') return { kind: 'engine', engineKey: group.engineKey }
    if (choice.kind === 'room') {
      this.result.evict.push(...choice.evict)
      const memory = { memoryBytes: group.load.memoryBytes }
      // What is free already stays for it until the rest is.
      if (choice.evict.length > 0) this.#keep(job, memory)
      else this.#holdBack(job, addVectors(group.need, memory))
      return { kind: 'room', memoryBytes: group.load.memoryBytes }
    }
    const engine = choice.kind === 'idle' ? { ref: choice.ref } : { load: choice.memory }
    this.#engines.take(group, job, choice.kind === 'load')
    for (const space of [this.#space, this.#unreserved]) {
      space?.take(placement)
      if (choice.kind === 'load') space?.take(choice.memory)
    }
    const left = this.#quotaLeft.get(group.principal)
    if (left) this.#quotaLeft.set(group.principal, subtractVectors(left, group.need))
    this.result.start.push({ job, class: group, placement, engine })
    return null
  }

  #quotaShortage(group: QueueClass): ResourceVector | null {
    const quota = this.#state.quotas.get(group.principal)
    if (!quota) return null
    const left = this.#quotaLeft.get(group.principal) ?? quota.left
    this.#quotaLeft.set(group.principal, left)
    const have = new Map(entriesOf(left))
    const missing = entriesOf(group.need)
      .filter(([name]) => quota.limited.includes(name))
      .map(([name, value]) => [name, value - (have.get(name) ?? 0)] as const)
      .filter(([, lack]) => lack > 1e-9)
    return missing.length > 0 ? vectorFrom(missing) : null
  }

  #lacks(job: QueuedJob, need: ResourceVector): Block {
    if (this.#heldBackBy && this.#unreserved?.fits(need)) return { kind: 'held-back', by: this.#heldBackBy }
    this.#holdBack(job, need)
    return RESOURCES
  }

  #waitedLong(job: QueuedJob): boolean {
    return this.#state.now - job.readyAt >= this.#state.policy.holdBackAfterMs
  }

  /** One job at a time: the first in the order that has waited long. */
  #holdBack(job: QueuedJob, need: ResourceVector): void {
    if (!this.#heldBackBy && this.#waitedLong(job)) this.#keep(job, need)
  }

  #keep(job: QueuedJob, need: ResourceVector): void {
    const target = this.#space.fitsEmpty(need)
    if (!target) return
    this.#unreserved ??= this.#space.copy()
    this.#heldBackBy ??= job.id
    this.#space.take(target)
  }
}
