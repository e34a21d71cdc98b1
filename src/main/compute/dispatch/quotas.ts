import type { TimedResource, UsedUp } from '../../../shared/domain/budget'
import type { PrincipalId } from '../../../shared/domain/ids'
import { type ResourceVector, subtractVectors } from '../../../shared/domain/resources'
import type { Core } from '../../core'
import type { PlanState } from '../schedule/types'

interface Allowance {
  limited: string[]
  left: ResourceVector
  usedUp: readonly UsedUp<TimedResource>[]
}

/** What principals with a quota may still take; those without one are absent. */
export function readQuotas(core: Core, principals: ReadonlySet<PrincipalId>): PlanState['quotas'] {
  const quotas = new Map<PrincipalId, Allowance>()
  for (const principal of principals) {
    const limits = core.limitsOf(principal)
    if (!limits) continue
    const { limit, usedUp } = limits
    const { custom = {}, ...plain } = limit
    const limited = [...Object.keys(plain), ...Object.keys(custom).map((name) => `custom.${name}`)]
    if (limited.length > 0 || usedUp.length > 0) quotas.set(principal, { limited, left: limit, usedUp })
  }
  if (quotas.size === 0) return quotas
  for (const { holder, need } of core.listLeases()) {
    const quota = quotas.get(holder as PrincipalId)
    if (quota) quota.left = subtractVectors(quota.left, need)
  }
  return quotas
}
