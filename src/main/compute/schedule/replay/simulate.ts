import { z } from 'zod'
import type { PolicyName } from '../../../../shared/contract'
import { AppError } from '../../../../shared/errors'
import { ONLINE_POLICY, OnlineScheduler } from '../online/online'
import type { Workload } from '../online/workload'
import { type Measures, measure } from './measures'
import { Reference } from './references'
import { replay } from './replay'

export interface Simulated extends Measures {
  policy: PolicyName
  /** Turns in which somebody waited. */
  decisions: number
  /** CPU time for each, with arrivals, ends and the virtual clock. */
  microsecondsADecision: number
}

/** What a policy makes of a workload, on a virtual clock. @param online constants of `online` */
export function simulate(workload: Workload, policy: PolicyName, online = ONLINE_POLICY): Simulated {
  const before = process.cpuUsage()
  const scheduler =
    policy === 'online' ? new OnlineScheduler(workload, online) : new Reference(workload, policy)
  const schedule = replay(workload, scheduler)
  const { user, system } = process.cpuUsage(before)
  const { decisions } = schedule
  return {
    policy,
    ...measure(workload, schedule),
    decisions,
    microsecondsADecision: decisions > 0 ? (user + system) / decisions : 0,
  }
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
