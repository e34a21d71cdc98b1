import type { PrincipalId } from '../../../shared/domain/ids'
import { subtractVectors } from '../../../shared/domain/resources'
import type { Core } from '../../core'
import type { PlanState } from '../schedule/types'

type Allowance = NonNullable<ReturnType<PlanState['quotas']['get']>>

/** What principals with a quota may still take; those without one are absent. */
export function readQuotas(core: Core, principals: ReadonlySet<PrincipalId>): PlanState['quotas'] {
  const quotas = new Map<PrincipalId, Allowance>()
  for (const principal of principals) {
    const limits = core.limitsOf(principal)
    if (!limits) continue
    const { limit, held, usedUp } = limits
    const { custom = {}, ...plain } = limit
    const limited = [...Object.keys(plain), ...Object.keys(custom).map((name) => `custom.${name}`)]
    if (limited.length > 0 || usedUp.length > 0)
      quotas.set(principal, { limited, left: subtractVectors(limit, held), usedUp })
  }
  return quotas
}
