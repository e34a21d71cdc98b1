import type { Outcome, WhatIfAnswer, WhatIfQuestion } from '../../../shared/contract'
import type { DeviceId, JobId, PrincipalId } from '../../../shared/domain/ids'
import { entriesOf, type ResourceVector } from '../../../shared/domain/resources'
import { AppError } from '../../../shared/errors'
import type { BudgetUse, Core, FreeDevice } from '../../core'
import { createBreather } from '../../platform/breather'
import type { Clock } from '../../platform/clock'
import type { ActiveJob } from '../jobs/active-job'
import type { StoredJob } from '../jobs/job-store'
import { type Guess, quantileMs } from '../schedule/guess'
import { policyOf } from '../schedule/policies'
import {
  type Knowledge,
  type Machine,
  type PastJob,
  pastJob,
  sceneOfPast,
  termsOf,
} from '../schedule/replay/past-jobs'
import type { SchedulePolicy } from '../schedule/types'
import type { Replays } from './replays'

const DAY_MS = 86_400_000
const MOST_JOBS = 5_000
const PAGE = 100
const SLICE_MS = 4
const MOST_ASKED = 8

interface WhatIfDeps extends Knowledge {
  core: Core
  clock: Clock
  policy: SchedulePolicy
  engineIdleMs(): number
  replays: Replays
  /** What a job may run of which nobody knows; null where it is known. */
  guessOf(job: ActiveJob): Guess | null
  /** Jobs, the newest first. */
  lastDay(cursor: string | null, limit: number): { items: StoredJob[]; nextCursor: string | null }
  /** Jobs that have not ended. */
  active(): Iterable<ActiveJob>
}

/** The same jobs on the machine as it is and on another, or in another order, through the scheduler itself. Begins with an empty machine. */
export class WhatIf {
  readonly #deps: WhatIfDeps
  #asked = 0

  constructor(deps: WhatIfDeps) {
    this.#deps = deps
  }

  /** @throws AppError `core.not_found` for a device that is not there, `network.rate_limited` when many have asked */
  async ask(question: WhatIfQuestion, signal?: AbortSignal): Promise<WhatIfAnswer> {
    if (this.#asked >= MOST_ASKED) {
      const message = 'Too many such questions are being answered. Try again in a second.'
      throw new AppError('network.rate_limited', message, { retryAfterMs: 1000 })
    }
    this.#asked++
    try {
      return await this.#answer(question, signal)
    } finally {
      this.#asked--
    }
  }

  async #answer(
    { source, addDevices, removeDevices, policy }: WhatIfQuestion,
    signal: AbortSignal | undefined,
  ): Promise<WhatIfAnswer> {
    const began = this.#deps.clock.now()
    const present = this.#deps.core
      .freeDevices()
      .map((device) => ({ ...device, free: device.capacity, outside: {}, owed: {}, yields: {} }))
    for (const id of removeDevices)
      if (!present.some((device) => device.id === id))
        throw new AppError('core.not_found', `There is no device ${id}.`, { device: id })
    const added = addDevices.map(({ kind, capacity }, index): FreeDevice => {
      const id = `what-if-${index + 1}` as DeviceId
      return { id, kind, free: capacity, capacity, healthy: true }
    })
    const other = [...present.filter(({ id }) => !removeDevices.includes(id)), ...added]
    const { past, leftOut } = await (source === 'queue' ? this.#queue() : this.#lastDay())
    const { policy: own } = this.#deps
    const machine = this.#machineFor(past, present, source)
    const before = await this.#replay(past, machine, signal)
    const changed = { ...machine, devices: other, policy: policyOf(policy, own) }
    const after = await this.#replay(past, changed, signal)
    const asked = past.flatMap(({ job }) => entriesOf(job.definition.need).map(([name]) => name))
    return { before, after, resources: [...new Set(asked)], leftOut, tookMs: this.#deps.clock.now() - began }
  }

  /** As if all that waits and runs came now, in the order of arrival. */
  async #queue(): Promise<{ past: PastJob[]; leftOut: number }> {
    const now = this.#deps.clock.now()
    const active = [...this.#deps.active()].sort((a, b) => a.seq - b.seq)
    const jobs = await withAllBefore(active)
    const runs = (job: ActiveJob) => Number(job.status.state === 'running')
    // None before what it waits for: that has come before it, and what runs waits for nothing.
    const first = jobs.sort((a, b) => runs(b) - runs(a)).slice(0, MOST_JOBS)
    const past = first.map((job): PastJob => {
      const passed = job.status.state === 'running' ? now - (job.status.startedAt ?? now) : 0
      const guess = this.#deps.guessOf(job)
      const runMs = guess ? quantileMs(guess, 0.5, passed) : (this.#deps.runMsOf(job) ?? 0)
      const terms = termsOf(job.definition)
      return { job, submittedAt: now, readyAt: now, runMs: Math.max(0, runMs - passed), terms }
    })
    return { past, leftOut: jobs.length - past.length }
  }

  async #lastDay(): Promise<{ past: PastJob[]; leftOut: number }> {
    const breathe = createBreather(SLICE_MS)
    const since = this.#deps.clock.now() - DAY_MS
    const past: PastJob[] = []
    let leftOut = 0
    let cursor: string | null = null
    do {
      const page = this.#deps.lastDay(cursor, PAGE)
      cursor = page.nextCursor
      for (const stored of page.items) {
        if (stored.definition.createdAt < since) return { past, leftOut }
        const job = pastJob(stored)
        if (!job) continue
        if (past.length >= MOST_JOBS) leftOut++
        else past.push(job)
      }
      await breathe()
    } while (cursor !== null && leftOut === 0)
    return { past, leftOut }
  }

  #machineFor(
    past: readonly PastJob[],
    devices: readonly FreeDevice[],
    source: WhatIfQuestion['source'],
  ): Machine {
    const { core, policy } = this.#deps
    const limits = new Map<PrincipalId, ResourceVector>()
    const budgets = new Map<PrincipalId, BudgetUse>()
    for (const principal of new Set(past.map(({ job }) => job.definition.principal))) {
      const limit = core.limitsOf(principal)?.limit
      if (limit) limits.set(principal, limit)
      const use = core.budgetUse(principal)
      // What was used of it before the last day is not on record.
      if (use) budgets.set(principal, source === 'queue' ? use : { ...use, uses: [] })
    }
    const weights = core.weights()
    return { devices, policy, weights, limits, budgets, engineIdleMs: this.#deps.engineIdleMs() }
  }

  #replay(past: readonly PastJob[], machine: Machine, signal: AbortSignal | undefined): Promise<Outcome> {
    const runs = new Map(past.map(({ job, runMs }) => [job.id, runMs]))
    return this.#deps.replays.outcome(sceneOfPast(past, machine, this.#deps), runs, signal)
  }
}

/** As far as is known now: what waits for others may be meant for when they fail. */
function isToRun({ waitingOn, definition, status: { state } }: ActiveJob): boolean {
  return (
    state === 'running' || (state === 'queued' && (waitingOn.size === 0 || definition.runWhen !== 'failed'))
  )
}

/** Those that are to run, and all that they wait for too; there may be 100,000. @param jobs in the order of arrival */
async function withAllBefore(jobs: readonly ActiveJob[]): Promise<ActiveJob[]> {
  const breathe = createBreather(SLICE_MS)
  const ids = new Set<JobId>()
  const reached: ActiveJob[] = []
  for (const job of jobs) {
    await breathe()
    if (!isToRun(job) || ![...job.waitingOn].every((other) => ids.has(other))) continue
    ids.add(job.id)
    reached.push(job)
  }
  return reached
}
