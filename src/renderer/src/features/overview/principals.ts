import type { Principal } from '@shared/contract'
import { useEffect, useState } from 'react'
import { getClient, useConnection } from '../../lib/client'
import { toErrorView } from '../../lib/errors'

/** Users and apps as they are when the page opens; none where this person may not look. */
export function usePrincipals(): Principal[] {
  const [principals, setPrincipals] = useState<Principal[]>([])
  const epoch = useConnection((state) => state.epoch)
  useEffect(() => {
    if (epoch === 0) return
    const controller = new AbortController()
    getClient()
      .security.principals.list({ limit: 1000 }, { signal: controller.signal })
      .then(({ items }) => setPrincipals(items))
      .catch((error: unknown) => {
        // The checklist then leaves its last step open, which harms nobody.
        if (toErrorView(error).code === 'security.denied') setPrincipals([])
      })
    return () => controller.abort()
  }, [epoch])
  return principals
}
