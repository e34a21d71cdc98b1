import type { Job } from '../../../../shared/contract'
import type { JobId } from '../../../../shared/domain/ids'
import { isTerminal } from '../../../../shared/domain/job-state'
import type { Allotment, RunOutcome, RunRequest } from '../../../executors/local'
import type { Compute } from '../..'
import type { FakeExecutor } from '../fake-executor'
import { Account } from './account'
import { ITEMS } from './specs'

/** What is known of a job before it is submitted. */
export interface Marked {
  budgeted: boolean
  cores: number
  gpus: number
  /** The mark of the job that must have succeeded before, or (`ended`) at least not be running any more. */
  after: { mark: number; runWhen: 'succeeded' | 'ended' } | null
  /** Whether it is given the mark of the one before it. */
  takes: boolean
}

interface Followed extends Marked {
  ids: Set<string>
  /** How many jobs carry this mark: repeats do. */
  copies: number
  running: number
  done: number
  items: Set<number>
}

interface Run {
  /** In the order of what was asked for; null: of a job that cannot be told apart. */
  jobs: (Followed | null)[]
  sinceMs: number
}

/**
 * What workers really did, whatever the system says: which jobs they ran, told by the marks in what they are given, when,
 * and how much of the machine it took.
 */
export class Witness {
  /** What must never be, in words. */
  readonly errors: string[] = []
  readonly account: Account
  readonly #jobs = new Map<number, Followed>()
  readonly #now: () => number
  #open = new Set<Run>()
  #last = 0
  #watched: FakeExecutor | null = null

  constructor(now: () => number) {
    this.#now = now
    this.account = new Account(now)
  }

  /** @returns the mark for a job that is about to be submitted */
  expect(job: Marked): number {
    const mark = ++this.#last
    this.#jobs.set(mark, { ...job, ids: new Set(), copies: 1, running: 0, done: 0, items: new Set() })
    return mark
  }

  acknowledged(mark: number, id: string): void {
    this.#jobs.get(mark)?.ids.add(id)
  }

  /** A job is about to be submitted once more. */
  repeats(id: string): { acknowledged(copy: string): void } {
    const job = [...this.#jobs.values()].find(({ ids }) => ids.has(id))
    if (job) {
      job.copies++
      // Whose it is cannot be told any more.
      job.budgeted = false
    }
    return { acknowledged: (copy) => void job?.ids.add(copy) }
  }

  /** Looks over the shoulder of all workers. */
  watch(executor: FakeExecutor, get: (id: string) => Job): void {
    const { run } = executor
    this.#watched = executor
    executor.run = async (engine, request, hooks, allotment) => {
      // The timers of one that is dead go on, which those of a process would not.
      if (executor !== this.#watched) return run(engine, request, hooks, allotment)
      const begun = this.#begin(request, allotment, get)
      const onItems: typeof hooks.onItems = (startAt, outputs, computeMs) => {
        for (let i = 0; i < outputs.count; i++) begun.jobs[0]?.items.add(startAt + i)
        return hooks.onItems(startAt, outputs, computeMs)
      }
      try {
        const outcome = await run(engine, request, { ...hooks, onItems }, allotment)
        this.#ended(begun, outcome)
        return outcome
      } catch (error) {
        this.#ended(begun, null)
        throw error
      }
    }
  }

  /** Time has passed. */
  count(): void {
    const now = this.#now()
    for (const run of this.#open) {
      const [first] = run.jobs
      if (first?.budgeted) this.account.addSpan(run.sinceMs, first.cores, first.gpus)
      run.sinceMs = now
    }
  }

  /** Nobody works in what a clock leaves out. */
  setClock(set: () => void): void {
    this.count()
    this.account.forget()
    set()
    this.account.wasSet()
    for (const run of this.#open) run.sinceMs = this.#now()
  }

  /** All workers are gone. @param isKilled with what was not on the disk */
  died(isKilled: boolean): void {
    this.count()
    if (isKilled) this.account.lose(2_000)
    this.#watched = null
    for (const job of this.#jobs.values()) job.running = 0
    this.#open = new Set()
  }

  /** No worker goes on with a job that has ended, and no budget is overdrawn. */
  check(get: (id: string) => Job): void {
    this.count()
    this.errors.push(...this.account.overdrawn())
    for (const { jobs } of this.#open)
      for (const job of jobs)
        if (job && hasEnded(job, get)) this.errors.push(`A worker outlived ${[...job.ids]}.`)
  }

  /** What is said to have succeeded was done. */
  checkDone(get: (id: string) => Job): void {
    for (const { ids, done, items } of this.#jobs.values()) {
      const succeeded = [...ids]
        .map(get)
        .filter(({ state, reusedFrom }) => state === 'succeeded' && !reusedFrom)
      const isDone = succeeded[0]?.kind === 'batch' ? items.size === ITEMS : done >= succeeded.length
      if (succeeded.length > 0 && !isDone) this.errors.push(`${[...ids]} succeeded, and no worker did it.`)
    }
  }

  /** What is said to have succeeded has given what its worker gave, and not what another's gave. */
  async checkResults({ get, result }: Pick<Compute, 'get' | 'result'>): Promise<void> {
    for (const [mark, { ids }] of this.#jobs) {
      for (const job of [...ids].map(get)) {
        if (job.state !== 'succeeded' || job.kind === 'synthetic') continue
        const { outputs, items, text } = await result(job.id as JobId, 0)
        const given = outputs?.['mark'] ?? outputs?.['x']
        const isThere =
          job.kind === 'infer'
            ? given && 'data' in given && given.data[0] === mark
            : job.kind === 'batch'
              ? items?.every(({ outputs: { x } }, i) => x && 'data' in x && x.data[0] === i)
              : text === 'text'
        if (!isThere) this.errors.push(`${job.id} succeeded, and its result is not that of its worker.`)
      }
    }
  }

  #begin(request: RunRequest, allotment: Allotment | undefined, get: (id: string) => Job): Run {
    const run: Run = { jobs: [], sinceMs: this.#now() }
    for (const { mark, given } of marksOf(request, allotment)) {
      const job = this.#jobs.get(mark) ?? null
      run.jobs.push(job)
      if (!job) continue
      if (++job.running > job.copies) this.errors.push(`Two workers on ${[...job.ids]}.`)
      if (hasEnded(job, get)) this.errors.push(`${[...job.ids]} runs again though it has ended.`)
      if (job.after) this.#checkOrder(job, job.after)
      if (job.takes && given !== job.after?.mark)
        this.errors.push(`${[...job.ids]} was given ${given} instead of ${job.after?.mark}.`)
    }
    this.count()
    this.#open.add(run)
    return run
  }

  #checkOrder({ ids }: Followed, { mark, runWhen }: NonNullable<Marked['after']>): void {
    const before = this.#jobs.get(mark)
    if (!before) return
    if (before.running > 0 && before.copies === 1)
      this.errors.push(`${[...ids]} runs beside ${[...before.ids]}, which it waits for.`)
    if (runWhen === 'succeeded' && before.done === 0)
      this.errors.push(`${[...ids]} runs before ${[...before.ids]}, which it needs.`)
  }

  #ended(run: Run, outcome: RunOutcome | null): void {
    if (!this.#open.has(run)) return
    this.count()
    this.#open.delete(run)
    run.jobs.forEach((job, i) => {
      if (!job) return
      job.running--
      if (outcome?.kind === 'several' ? 'outputs' in (outcome.results[i] ?? {}) : outcome) job.done++
    })
  }
}

function hasEnded({ ids, copies }: Followed, get: (id: string) => Job): boolean {
  return ids.size === copies && [...ids].every((id) => isTerminal(get(id).state))
}

interface Seen {
  mark: number
  given?: number | undefined
}

function marksOf(request: RunRequest, allotment: Allotment | undefined): Seen[] {
  switch (request.kind) {
    case 'several':
      return request.requests.flatMap((single) => marksOf(single, undefined))
    case 'infer': {
      const { x, mark } = request.inputs
      return mark ? [{ mark: numberIn(mark), given: numberIn(x) }] : [{ mark: numberIn(x) }]
    }
    case 'generate':
      return [{ mark: 'prompt' in request.prompt ? Number(request.prompt.prompt) : 0 }]
    default:
      return [{ mark: allotment?.memoryBytes ?? 0 }]
  }
}

function numberIn(tensor: Extract<RunRequest, { kind: 'infer' }>['inputs'][string] | undefined): number {
  if (!tensor || !('bytes' in tensor)) return 0
  return new DataView(tensor.bytes.buffer, tensor.bytes.byteOffset).getFloat32(0, true)
}
