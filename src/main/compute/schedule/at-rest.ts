import { DEFAULT_POLICY, type Plan, type PlanState } from './types'

/** Devices on which nothing runs, for which nobody waits, and of whose past nothing is known; and what `given` says. */
export function atRest(given: Pick<PlanState, 'devices'> & Partial<PlanState>): PlanState {
  const { policy = DEFAULT_POLICY } = given
  return {
    now: 0,
    classes: [],
    engines: [],
    running: [],
    pace: policy.leastPaceMs,
    shares: new Map(),
    recent: new Map(),
    waitingSince: new Map(),
    quotas: new Map(),
    promised: new Map(),
    lossBudgetMs: policy.mostLossMs,
    policy,
    ...given,
  }
}

/** Nothing is to be done, and nobody waits. */
export function emptyPlan(): Plan {
  return {
    start: [],
    evict: [],
    blocked: new Map(),
    kept: [],
    stranded: new Set(),
    preempt: [],
    lostMs: 0,
    idle: 0,
    lookAgainAt: null,
    left: [],
  }
}
