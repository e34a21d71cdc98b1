import { implement } from '@orpc/server'
import { contract } from '../../shared/contract'
import type { PrincipalId } from '../../shared/domain/ids'
import type { Caller } from '../security'

export interface RpcContext {
  /** As the transport verified it. */
  caller: Caller
}

/** A caller without identity, who may only ask for what is open to all. */
export const ANONYMOUS: Caller = {
  principal: 'anonymous' as PrincipalId,
  name: 'anonymous',
  kind: 'app',
  roles: [],
  via: 'http',
  key: null,
}

/** The contract to implement. Inputs are parsed before the authorisation looks at them. */
export const implementer = implement(contract)
  .$config({ initialInputValidationIndex: Number.NEGATIVE_INFINITY })
  .$context<RpcContext>()
