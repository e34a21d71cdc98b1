import type { PrincipalId } from '../../../shared/domain/ids'
import type { BudgetUse } from '../../core'
import { pausingOf } from '../dispatch/running-job'
import { type ActiveJob, estimateOf } from '../jobs/active-job'
import type { JobIndex } from '../jobs/job-index'
import { firstOf } from '../schedule/forecast'
import type { Guess } from '../schedule/guess'
import type { UrgencyOf } from '../schedule/heads'
import { termsOf } from '../schedule/replay/past-jobs'
import type { RunsNow, Scene } from '../schedule/scene'
import { usedUpFor } from '../schedule/share'
import type { PlanState, QueueClass } from '../schedule/types'

/** Who has to wait longer for a budget is foretold after all others. */
const BUDGET_AHEAD_MS = 3_600_000

export interface SceneDeps {
  state: PlanState
  index: JobIndex
  /** The engine that a job runs on. */
  engineOf(job: ActiveJob): string | null
  urgencyOf: UrgencyOf
  /** What a job may run of which nobody knows; null where it is known. */
  guessOf(job: ActiveJob): Guess | null
  /** What a principal has used of its budget; null without one. */
  budgetUse(principal: PrincipalId): BudgetUse | null
}

/** The present as a replay takes it: what runs, and the first `limit` jobs that wait for their turn. */
export function sceneOf({ state, index, ...deps }: SceneDeps, limit: number): Scene {
  const { now } = state
  const engines = new Map(state.engines.map((engine) => [engine.ref, engine]))
  const alone = [...index.running()].filter(({ ridesAlong }) => !ridesAlong)
  const classes = firstToStart(state, limit, deps.urgencyOf)
  const waiting = classes.flatMap(({ jobs }) => jobs.flatMap(({ id }) => index.get(id) ?? []))
  const running = alone.map((job): RunsNow => {
    const ref = deps.engineOf(job)
    const engine = engines.get(ref ?? '')
    const group = index.emptyClassOf(job)
    const startedAt = job.status.startedAt ?? now
    // Its engine knows whether it still loads; what the job says of its progress counts that as slowness.
    const remainingMs = engine?.remainingMs ?? estimateOf(job, now)
    return {
      group,
      job: index.entryOf(job),
      placement: job.status.placement ?? [],
      engine: ref,
      startedAt,
      loadedAt:
        engine?.state === 'loading'
          ? Math.max(now, startedAt + group.load.estimateMs)
          : startedAt + job.loadMs,
      runMs: remainingMs === null ? null : now - startedAt + remainingMs,
      isStopping: job.displacedBy !== null,
    }
  })
  const jobs = [...alone, ...waiting]
  const pausings = new Map(
    jobs.flatMap((job) => {
      const pausing = pausingOf(job)
      return pausing ? [[job.id, pausing] as const] : []
    }),
  )
  const guesses = new Map(
    jobs.flatMap((job) => {
      const guess = deps.guessOf(job)
      return guess ? [[job.id, guess] as const] : []
    }),
  )
  const terms = new Map(jobs.map(({ id, definition }) => [id, termsOf(definition)]))
  const principals = new Set(jobs.map(({ definition }) => definition.principal))
  const budgets = new Map(
    [...principals].flatMap((principal) => {
      const use = deps.budgetUse(principal)
      return use ? [[principal, use] as const] : []
    }),
  )
  return { state: { ...state, classes }, running, arrivals: [], pausings, guesses, terms, budgets }
}

/** The first in the order of the queue of those that could start; where these are few, then those that a budget keeps. */
function firstToStart(state: PlanState, limit: number, urgencyOf: UrgencyOf): QueueClass[] {
  const classes = state.classes.filter(({ key }) => !state.stranded?.has(key))
  const soon = classes.filter((group) => !isKeptLong(group, state))
  const first = firstOf(soon, limit, urgencyOf)
  const taken = first.reduce((sum, { jobs }) => sum + jobs.length, 0)
  const later = classes.filter((group) => isKeptLong(group, state))
  return [...first, ...firstOf(later, limit - taken, urgencyOf)]
}

/** Whether the budget of its principal is used up for long. */
function isKeptLong({ need, principal }: QueueClass, { now, quotas }: PlanState): boolean {
  const usedUp = usedUpFor(need, quotas.get(principal)?.usedUp ?? [])
  return usedUp !== undefined && (usedUp.freeAt ?? Number.POSITIVE_INFINITY) > now + BUDGET_AHEAD_MS
}
