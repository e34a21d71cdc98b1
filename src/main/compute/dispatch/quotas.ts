import type { PrincipalId } from '../../../shared/domain/ids'
import { differenceOf, type ResourceVector } from '../../../shared/domain/resources'
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
    const limited = limitedBy(limit)
    if (limited.length > 0 || usedUp.length > 0)
      quotas.set(principal, { limited, left: differenceOf(limit, held), usedUp })
  }
  return quotas
}

/** What principals may take while they hold nothing; those without a limit are absent. */
export function wholeQuotas(limits: ReadonlyMap<PrincipalId, ResourceVector>): PlanState['quotas'] {
  return new Map(
    [...limits].flatMap(([principal, left]) => {
      const limited = limitedBy(left)
      return limited.length > 0 ? [[principal, { limited, left }] as const] : []
    }),
  )
}

/** Names of what a limit bounds, also to nothing. */
function limitedBy({ custom = {}, ...plain }: ResourceVector): string[] {
  return [...Object.keys(plain), ...Object.keys(custom).map((name) => `custom.${name}`)]
}
