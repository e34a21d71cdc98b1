import type { TFunction } from 'i18next'
import { useMemo, useState } from 'react'
import { useAccess } from '../access-store'
import { useValidation, type Validation } from '../cedar/use-validation'
import { type Grant, grantPolicy, grantPolicyId, grantsAnything, NO_GRANT } from '../cedar/write-policy'
import { grantWords } from './grant-fields'

export interface GrantForm {
  grant: Grant
  setGrant: (grant: Grant) => void
  /** Null takes back what was edited by hand. */
  setText: (text: string | null) => void
  edited: boolean
  text: string
  policyId: string
  description: string
  validation: Validation
  /** Nothing is granted, so there is no policy to save. */
  nothing: boolean
  ready: boolean
}

/** The state of "What may it do?" for one principal: choices, the policy they make, and what was edited by hand. */
export function useGrant(
  t: TFunction<'access'>,
  who: { kind: 'user' | 'app'; id: string },
  name: string,
): GrantForm {
  const [grant, setGrant] = useState<Grant>(NO_GRANT)
  const [byHand, setText] = useState<string | null>(null)
  const policies = useAccess((state) => state.policies.items)
  const policyId = useMemo(
    () => grantPolicyId(who, grant, new Set(policies.map(({ id }) => id))),
    [who, grant, policies],
  )
  const description = grantsAnything(grant) ? grantWords(t, name, grant) : ''
  const edited = byHand !== null
  const nothing = edited ? byHand.trim() === '' : !grantsAnything(grant)
  const text = byHand ?? (nothing ? '' : grantPolicy(who, grant, description))
  const validation = useValidation(nothing ? '' : text)
  return {
    grant,
    setGrant,
    setText,
    edited,
    text,
    policyId,
    description: description.slice(0, 500),
    validation,
    nothing,
    ready: nothing || validation.state === 'valid',
  }
}
