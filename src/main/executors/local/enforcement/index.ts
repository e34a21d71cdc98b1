import type { Enforcement } from '../../../../shared/contract'
import type { Logger } from '../../../platform/logger'
import type { Allotment } from '..'
import { Affinity } from './affinity'
import { ControlGroups } from './control-groups'
import { CoreSets } from './core-sets'
import { niceMeans, niceOf, renice } from './nice'
import { processesOf } from './processes'

/** What a worker does now, and what it may take for it. One object for one attempt or load. */
export interface Work {
  allotment: Allotment
  /** By `performance.now()`. */
  sinceMs: number
  memoryLimitBytes: number
}

/** A worker that is held to its leases. */
interface Worker {
  readonly id: string
  readonly pid: number | null
  readonly work: Work | null
}

interface Held {
  work: Work | null
  /** Whose limits its group is to have; null: none. */
  limits: Work | null
  /** What is done to its group, one after the other. */
  limiting: Promise<unknown>
  /** What is done to its processes, likewise. */
  settling: Promise<unknown>
  cpus: string
  nice: number
}

/** Work that is over sooner costs others little, and holding a worker to its leases costs more. */
const WORTH_IT_MS = 250

/**
 * Holds workers to what is leased for what they do: cores of their own, a lower priority for less urgent work, and a
 * control group, each where the system has it. Looks at them now and then, never before a job begins.
 */
export class Enforcer {
  readonly #logger: Logger
  readonly #affinity: Affinity
  readonly #groups: ControlGroups
  readonly #nice: Enforcement
  readonly #sets: CoreSets
  readonly #all: readonly number[]
  readonly #held = new Map<string, Held>()
  #seesGpus = false
  #seesMemory = process.platform !== 'win32'

  private constructor(logger: Logger, affinity: Affinity, groups: ControlGroups, nice: Enforcement) {
    this.#logger = logger
    this.#affinity = affinity
    this.#groups = groups
    this.#nice = nice
    this.#sets = new CoreSets(affinity.cpus)
    this.#all = affinity.cpus.map(({ id }) => id)
  }

  static async open(logger: Logger, groups = ControlGroups.open()): Promise<Enforcer> {
    return new Enforcer(logger, ...(await Promise.all([Affinity.find(), groups, niceMeans()])))
  }

  means(): Enforcement[] {
    return [
      { name: 'threads', inForce: true, reason: null },
      this.#affinity.means,
      this.#nice,
      this.#groups.means,
      { name: 'deviceVisibility', inForce: true, reason: null },
      {
        name: 'memoryWatchdog',
        inForce: this.#seesMemory,
        reason: this.#seesMemory
          ? null
          : 'Windows has not told yet what programs take: no job has run for long.',
      },
      {
        name: 'gpuMemoryWatchdog',
        inForce: this.#seesGpus,
        reason: this.#seesGpus ? null : 'Nothing has told yet what programs take of a GPU.',
      },
    ]
  }

  /** It is told what each program takes of memory. */
  seesMemory(): void {
    this.#seesMemory = true
  }

  /** It is told what each program takes of the GPUs. */
  seesGpus(): void {
    this.#seesGpus = true
  }

  /** A worker has begun. */
  async began({ id, pid }: Worker): Promise<void> {
    if (pid !== null) await this.#try(id, this.#group(id, pid))
  }

  /** Whether its group still has the limits of what it did before. */
  isLimited({ id }: Worker): boolean {
    return this.#groups.means.inForce && this.#held.get(id)?.limits != null
  }

  /** Before an attempt: the limits of another must not end it. */
  async lift({ id }: Worker): Promise<void> {
    const held = this.#held.get(id)
    if (!held) return
    held.limits = null
    held.limiting = held.limiting.then(() => this.#try(id, this.#groups.limit(id, null)))
    await held.limiting
  }

  /** Looks at a worker: what it does is other than what it is held to. */
  async hold({ id, pid, work }: Worker): Promise<void> {
    const held = this.#held.get(id) ?? this.#free()
    const isShort = work !== null && performance.now() - work.sinceMs < WORTH_IT_MS
    // Short ones may follow each other without a gap: what holds for a long one before them is let go.
    const wanted = isShort ? null : work
    if (pid === null || held.work === wanted) return
    held.work = wanted
    held.limits = wanted
    this.#held.set(id, held)
    held.limiting = held.limiting.then(() => this.#try(id, this.#limit(id, pid, held, wanted)))
    held.settling = held.settling.then(() => this.#settle(id, pid, held))
    await Promise.all([held.settling, held.limiting])
  }

  /** One after the other, so that what holds last is what it does last. */
  async #settle(id: string, pid: number, held: Held): Promise<void> {
    if (this.#held.get(id) !== held) return
    await Promise.all([this.#try(id, this.#bind(id, pid, held)), this.#try(id, this.#renice(pid, held))])
  }

  #free(): Held {
    return {
      work: null,
      limits: null,
      limiting: Promise.resolve(),
      settling: Promise.resolve(),
      cpus: this.#all.join(),
      nice: 0,
    }
  }

  /** Whether a worker that has died was ended by the kernel for what it took. */
  ranOutOfMemory({ id }: Worker): boolean {
    return this.#groups.ranOutOfMemory(id)
  }

  /** A worker is gone. */
  async ended({ id }: Worker): Promise<void> {
    this.#held.delete(id)
    this.#sets.release(id)
    await this.#groups.remove(id)
  }

  async dispose(): Promise<void> {
    await this.#groups.dispose()
  }

  async #bind(id: string, pid: number, held: Held): Promise<void> {
    if (!this.#affinity.means.inForce) return
    const allotment = held.work?.allotment
    const ids = allotment ? this.#sets.assign(id, allotment.cpuCores, allotment.numaNode) : this.#all
    if (!allotment) this.#sets.release(id)
    if (ids.join() === held.cpus) return
    held.cpus = ids.join()
    await this.#affinity.bind(pid, ids)
  }

  async #renice(pid: number, held: Held): Promise<void> {
    const nice = held.work ? niceOf(held.work.allotment.priority) : 0
    if (!this.#nice.inForce || nice === held.nice) return
    held.nice = nice
    await renice(pid, nice)
  }

  async #group(id: string, pid: number): Promise<void> {
    if (!this.#groups.means.inForce) return
    await this.#groups.make(id)
    await this.#groups.add(id, await processesOf(pid))
  }

  async #limit(id: string, pid: number, held: Held, work: Work | null): Promise<void> {
    if (!this.#groups.means.inForce) return
    if (!work) return this.#groups.limit(id, null)
    // Some may have begun while their parent was on its way into the group.
    await this.#groups.add(id, await processesOf(pid))
    // That took a while, and they may have been lifted for the next attempt.
    if (held.limits !== work) return
    const { cpuCores, priority } = work.allotment
    return this.#groups.limit(id, { cpuCores, priority, memoryBytes: work.memoryLimitBytes })
  }

  /** What does not work for one worker, which may have just died, is no reason to fail its job. */
  async #try(id: string, action: Promise<unknown>): Promise<void> {
    try {
      await action
    } catch (error) {
      this.#logger.warn({ err: error, engine: id }, 'A worker could not be held to its leases')
    }
  }
}
