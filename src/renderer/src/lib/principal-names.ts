import { useCallback, useEffect } from 'react'
import { create } from 'zustand'
import { getClient, useConnection } from './client'
import { isDenied, toErrorView } from './errors'
import { useMe } from './stores'

const useNames = create<{ names: ReadonlyMap<string, string>; epoch: number }>(() => ({
  names: new Map(),
  epoch: 0,
}))

async function load(): Promise<void> {
  try {
    const { items } = await getClient().security.principals.list({ limit: 1000 })
    useNames.setState({ names: new Map(items.map((principal) => [principal.id, principal.name])) })
  } catch (error) {
    // Ids are shown instead of names; there is nothing that a person could do about it here.
    if (isDenied(toErrorView(error))) useNames.setState({ names: new Map() })
  }
}

/** Ids without a name that were asked about since the last connection. */
const sought = new Set<string>()
let looks = false

/** Who is not known may be new: looks again, once for each and once for all that are missed in one drawing. */
function lookFor(id: string): void {
  if (sought.has(id)) return
  sought.add(id)
  if (looks) return
  looks = true
  queueMicrotask(() => {
    looks = false
    void load()
  })
}

/** Names of principals by id; an id is its own name where this person may not look. */
export function usePrincipalNames(): (id: string) => string {
  const names = useNames((state) => state.names)
  const epoch = useConnection((state) => state.epoch)
  const me = useMe((state) => state.value)
  useEffect(() => {
    if (epoch === 0 || useNames.getState().epoch === epoch) return
    useNames.setState({ epoch })
    sought.clear()
    void load()
  }, [epoch])
  return useCallback(
    (id) => {
      if (me?.id === id) return me.name
      const name = names.get(id)
      // None at all: they are on their way, or this person may not look.
      if (name === undefined && names.size > 0) lookFor(id)
      return name ?? id
    },
    [names, me],
  )
}
