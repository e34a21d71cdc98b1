import { useCallback, useEffect } from 'react'
import { create } from 'zustand'
import { getClient, useConnection } from './client'
import { useMe } from './stores'

const useNames = create<{ names: ReadonlyMap<string, string>; epoch: number }>(() => ({
  names: new Map(),
  epoch: 0,
}))

async function load(epoch: number): Promise<void> {
  useNames.setState({ epoch })
  const { items } = await getClient().security.principals.list({ limit: 1000 })
  useNames.setState({ names: new Map(items.map((principal) => [principal.id, principal.name])) })
}

/** Names of principals by id, asked for once a connection; an id is its own name where this person may not look. */
export function usePrincipalNames(): (id: string) => string {
  const names = useNames((state) => state.names)
  const epoch = useConnection((state) => state.epoch)
  const me = useMe((state) => state.value)
  useEffect(() => {
    if (epoch === 0 || useNames.getState().epoch === epoch) return
    // Ids are shown instead of names; there is nothing that a person could do about it here.
    load(epoch).catch(() => useNames.setState({ names: new Map() }))
  }, [epoch])
  return useCallback((id) => names.get(id) ?? (me?.id === id ? me.name : id), [names, me])
}
