import type { Policy, Principal } from '@shared/contract'
import { useEffect, useMemo } from 'react'
import { create } from 'zustand'
import { type Client, getClient, useConnection } from '../../lib/client'
import { type ErrorView, isDenied, toErrorView } from '../../lib/errors'
import { useAudit } from '../../lib/stores'

/** A list of the system, asked for as a whole; there is no feed for these. */
export interface Listed<Item> {
  items: readonly Item[]
  ready: boolean
  error: ErrorView | null
}

interface AccessState {
  principals: Listed<Principal>
  policies: Listed<Policy>
}

const NOTHING: Listed<never> = { items: [], ready: false, error: null }

/** Who there is, and which policies are in force, as of the last look. */
export const useAccess = create<AccessState>(() => ({ principals: NOTHING, policies: NOTHING }))

async function allPrincipals(client: Client): Promise<Principal[]> {
  const all: Principal[] = []
  let cursor: string | undefined
  do {
    const page = await client.security.principals.list({
      limit: 1000,
      ...(cursor === undefined ? {} : { cursor }),
    })
    all.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return all
}

async function listed<Item>(old: Listed<Item>, ask: () => Promise<Item[]>): Promise<Listed<Item>> {
  try {
    return { items: await ask(), ready: true, error: null }
  } catch (error) {
    const view = toErrorView(error)
    return { ...(isDenied(view) ? NOTHING : old), error: view }
  }
}

let newest = 0

/** Looks again, at both; an error of one leaves the other. Of looks at the same time the last one counts. */
export async function refreshAccess(): Promise<void> {
  const round = ++newest
  const client = getClient()
  const old = useAccess.getState()
  const [principals, policies] = await Promise.all([
    listed(old.principals, () => allPrincipals(client)),
    listed(old.policies, async () => (await client.security.policies.list({})).items),
  ])
  if (round === newest) useAccess.setState({ principals, policies })
}

const CHANGES = new Set(['principal.manage', 'policy.manage'])
/** A record is written before what it allows is done. */
const SETTLE_MS = 400

/** Keeps {@link useAccess} fresh while a page shows it: at each connection, and after changes made anywhere. */
export function useFollowAccess(): void {
  const epoch = useConnection((state) => state.epoch)
  const lastChange = useAudit((state) => {
    let last = ''
    for (const record of state.items.values()) {
      if (record.decision === 'allow' && CHANGES.has(record.action) && record.at > last) last = record.at
    }
    return last
  })
  useEffect(() => {
    if (epoch > 0) void refreshAccess()
  }, [epoch])
  useEffect(() => {
    if (lastChange === '') return
    const timer = setTimeout(() => void refreshAccess(), SETTLE_MS)
    return () => clearTimeout(timer)
  }, [lastChange])
}

/** The name of a principal by its id; the id where nobody of that id is known. */
export function useNameOf(): (id: string) => string {
  const principals = useAccess((state) => state.principals.items)
  return useMemo(() => {
    const names = new Map(principals.map(({ id, name }) => [id, name]))
    return (id) => names.get(id) ?? id
  }, [principals])
}
