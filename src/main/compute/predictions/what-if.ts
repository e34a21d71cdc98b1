import type { Outcome, WhatIfAnswer, WhatIfQuestion } from '../../../shared/contract'
import type { DeviceId } from '../../../shared/domain/ids'
import { AppError } from '../../../shared/errors'
import type { Core, FreeDevice } from '../../core'
import type { Clock } from '../../platform/clock'
import { createBreather } from '../dispatch/breather'
import { pausingOf } from '../dispatch/running-job'
import { ActiveJob } from '../jobs/active-job'
import type { StoredJob } from '../jobs/job-store'
import { rankOf } from '../schedule/rank'
import { shareOfMachine } from '../schedule/share'
import type { QueueClass, SchedulePolicy } from '../schedule/types'
import { capacityOf } from './outcome'
import type { Replays } from './replays'

const DAY_MS = 86_400_000
const MOST_JOBS = 5_000
const PAGE = 100
const SLICE_MS = 4
const MOST_ASKED = 8

interface WhatIfDeps {
  core: Core
  clock: Clock
  policy: SchedulePolicy
  replays: Replays
  runMsOf(job: ActiveJob): number | null
  mostMsOf(job: ActiveJob): number | null
  loadOf(job: ActiveJob): QueueClass['load']
  /** Jobs, the newest first. */
  lastDay(cursor: string | null, limit: number): { items: StoredJob[]; nextCursor: string | null }
  /** Jobs that have not ended. */
  active(): Iterable<ActiveJob>
}

/** A job as it is replayed: when it came, and how long it ran or is expected to run. */
interface Past {
  job: ActiveJob
  at: number
  runMs: number
}

/** The same jobs on the machine as it is and on another, through the scheduler itself. Begins with an empty machine, without quotas. */
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
    { source, addDevices, removeDevices }: WhatIfQuestion,
    signal: AbortSignal | undefined,
  ): Promise<WhatIfAnswer> {
    const began = this.#deps.clock.now()
    const present = this.#deps.core.freeDevices().map((device) => ({ ...device, free: device.capacity }))
    for (const id of removeDevices)
      if (!present.some((device) => device.id === id))
        throw new AppError('core.not_found', `There is no device ${id}.`, { device: id })
    const added = addDevices.map(({ kind, capacity }, index): FreeDevice => {
      const id = `what-if-${index + 1}` as DeviceId
      return { id, kind, free: capacity, capacity, healthy: true }
    })
    const other = [...present.filter(({ id }) => !removeDevices.includes(id)), ...added]
    const { past, leftOut } = source === 'queue' ? this.#queue() : await this.#lastDay()
    const before = await this.#replay(past, present, signal)
    const after = await this.#replay(past, other, signal)
    return { before, after, leftOut, tookMs: this.#deps.clock.now() - began }
  }

  /** As if all that waits and runs came now, in the order of arrival. */
  #queue(): { past: Past[]; leftOut: number } {
    const now = this.#deps.clock.now()
    const jobs = [...this.#deps.active()].filter(({ queued, status }) => queued || status.state === 'running')
    const past = jobs.slice(-MOST_JOBS).map((job) => {
      const runMs = this.#deps.runMsOf(job) ?? this.#deps.policy.unknownRunMs
      const passed = job.status.state === 'running' ? now - (job.status.startedAt ?? now) : 0
      return { job, at: now, runMs: Math.max(0, runMs - passed) }
    })
    return { past, leftOut: jobs.length - past.length }
  }

  async #lastDay(): Promise<{ past: Past[]; leftOut: number }> {
    const breathe = createBreather(SLICE_MS)
    const since = this.#deps.clock.now() - DAY_MS
    const past: Past[] = []
    let leftOut = 0
    let cursor: string | null = null
    do {
      const page = this.#deps.lastDay(cursor, PAGE)
      cursor = page.nextCursor
      for (const { definition, status } of page.items) {
        const { startedAt, finishedAt, queuedMs, computeMs } = status
        if (definition.createdAt < since) return { past: past.reverse(), leftOut }
        if (startedAt === null || finishedAt === null) continue
        if (past.length >= MOST_JOBS) leftOut++
        else past.push({ job: new ActiveJob(definition, status), at: startedAt - queuedMs, runMs: computeMs })
      }
      await breathe()
    } while (cursor !== null && leftOut === 0)
    return { past: past.reverse(), leftOut }
  }

  #replay(
    past: readonly Past[],
    devices: readonly FreeDevice[],
    signal: AbortSignal | undefined,
  ): Promise<Outcome> {
    const { core, policy, runMsOf, mostMsOf, loadOf, replays } = this.#deps
    const capacity = capacityOf(devices)
    const groups = new Map<string, QueueClass>()
    const arrivals = past
      .map(({ job, at }, seq) => {
        let group = groups.get(job.classKey)
        if (!group) {
          const { principal, need, place } = job.definition
          const share = shareOfMachine(need, capacity)
          const { classKey: key, engineKey } = job
          group = { key, engineKey, principal, need, place, share, load: loadOf(job), jobs: [], workMs: 0 }
          groups.set(key, group)
        }
        const { priority } = job.status
        const rank = rankOf(priority, at)
        const [runMs, mostMs] = [runMsOf(job), mostMsOf(job)]
        return { at, group, job: { id: job.id, rank, seq, readyAt: at, priority, runMs, mostMs } }
      })
      .sort((a, b) => a.at - b.at)
    const state = {
      now: arrivals[0]?.at ?? 0,
      classes: [],
      devices,
      engines: [],
      running: [],
      pace: policy.leastPaceMs,
      shares: new Map(),
      weights: core.weights(),
      waitingSince: new Map(),
      quotas: new Map(),
      promised: new Map(),
      policy,
    }
    const runs = new Map(past.map(({ job, runMs }) => [job.id, runMs]))
    // As they came: whatever became of them then.
    const pausings = new Map(
      past.flatMap(({ job }) => {
        const pausing = pausingOf(job)
        return pausing ? [[job.id, { ...pausing, ranMs: 0, preemptions: 0 }] as const] : []
      }),
    )
    return replays.outcome({ state, running: [], arrivals, pausings }, runs, signal)
  }
}
