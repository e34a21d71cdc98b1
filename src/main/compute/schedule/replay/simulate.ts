import { z } from 'zod'
import { AppError } from '../../../../shared/errors'
import { OnlineScheduler } from '../online/online'
import type { Scheduler, Workload } from '../online/workload'
import { type Measures, measure } from './measures'
import { Reference } from './references'
import { replay } from './replay'

export const POLICIES = ['online', 'easy', 'fcfs'] as const
export type PolicyName = (typeof POLICIES)[number]

export interface Simulated extends Measures {
  policy: PolicyName
  /** Turns in which somebody waited. */
  decisions: number
  /** What the scheduler took for each, with arrivals and ends. */
  microsecondsADecision: number
}

/** What a policy makes of a workload, on a virtual clock. */
export function simulate(workload: Workload, policy: PolicyName): Simulated {
  const schedule = replay(workload, schedulerOf(workload, policy))
  const { decisions, decidingMs } = schedule
  return {
    policy,
    ...measure(workload, schedule),
    decisions,
    microsecondsADecision: decisions > 0 ? (1000 * decidingMs) / decisions : 0,
  }
}

function schedulerOf(workload: Workload, policy: PolicyName): Scheduler {
  return policy === 'online' ? new OnlineScheduler(workload) : new Reference(workload, policy)
}

const Devices = z.union([z.array(z.unknown()), z.object({ nodes: z.array(z.unknown()) })])

/** The case with other nodes: those of a file that holds a list of them, or a case. @throws AppError `system.invalid` */
export function withNodes(queueCase: unknown, devices: unknown): unknown {
  const parsed = Devices.safeParse(devices)
  if (!parsed.success || typeof queueCase !== 'object' || queueCase === null)
    throw new AppError('system.invalid', 'Give the devices as a list of {id, cap}, or as a queue case.', {
      field: 'nodes',
    })
  return { ...queueCase, nodes: Array.isArray(parsed.data) ? parsed.data : parsed.data.nodes }
}
