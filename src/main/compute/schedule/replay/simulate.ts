import type { PolicyName } from '../../../../shared/contract'
import { ONLINE_POLICY, OnlineScheduler } from '../online/online'
import type { Workload } from '../online/workload'
import { placeOrNull } from '../place-or-null'
import { policyOf } from '../policies'
import { type Measures, measure } from './measures'
import { sceneOfPast } from './past-jobs'
import type { RecordedDay } from './recorded'
import { Reference } from './references'
import { replay } from './replay'
import { replayScene } from './replay-scene'

export interface Simulated extends Measures {
  policy: PolicyName
  /** Turns in which somebody waited. */
  decisions: number
  /** Jobs that a deadline or a budget ended; workloads other than recorded days have neither. */
  stopped: number
  /** CPU time for each, with arrivals, ends and the virtual clock. */
  microsecondsADecision: number
}

/** What a policy makes of a workload, on a virtual clock. */
export function simulate(workload: Workload, policy: PolicyName): Simulated {
  return timed(policy, () => {
    const scheduler =
      policy === 'online' ? new OnlineScheduler(workload, ONLINE_POLICY) : new Reference(workload, policy)
    const schedule = replay(workload, scheduler)
    return { ...measure(workload, schedule), decisions: schedule.decisions, stopped: 0 }
  })
}

/** What the planner of production makes of a day under a policy, on a virtual clock. */
export function simulateDay({ jobs, machine, knowledge }: RecordedDay, policy: PolicyName): Simulated {
  return timed(policy, () => {
    const scene = sceneOfPast(jobs, { ...machine, policy: policyOf(policy, machine.policy) }, knowledge)
    const runMs = new Map(jobs.map((past) => [past.job.id, past.runMs]))
    const { measures, turns, stopped } = replayScene(scene, runMs, placeOrNull)
    return { ...measures, decisions: turns, stopped }
  })
}

function timed(
  policy: PolicyName,
  run: () => Measures & Pick<Simulated, 'decisions' | 'stopped'>,
): Simulated {
  const before = process.cpuUsage()
  const measured = run()
  const { user, system } = process.cpuUsage(before)
  const { decisions } = measured
  return { policy, ...measured, microsecondsADecision: decisions > 0 ? (user + system) / decisions : 0 }
}
