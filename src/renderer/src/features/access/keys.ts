import type { ApiKey } from '@shared/contract'

export type KeyState = 'active' | 'expired' | 'revoked'

/** Whether a key still opens anything. */
export function keyState(key: ApiKey, nowMs: number): KeyState {
  if (key.revokedAt !== null) return 'revoked'
  return key.expiresAt !== null && Date.parse(key.expiresAt) <= nowMs ? 'expired' : 'active'
}

/** The newest use of any key; null when none was used. */
export function lastUsed(keys: readonly ApiKey[]): string | null {
  return keys.reduce<string | null>(
    (last, { lastUsedAt }) =>
      lastUsedAt !== null && (last === null || lastUsedAt > last) ? lastUsedAt : last,
    null,
  )
}

/** Usable keys first, each group newest first. */
export function sortKeys(keys: readonly ApiKey[], nowMs: number): { active: ApiKey[]; ended: ApiKey[] } {
  const newestFirst = [...keys].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
  const isActive = (key: ApiKey) => keyState(key, nowMs) === 'active'
  return { active: newestFirst.filter(isActive), ended: newestFirst.filter((key) => !isActive(key)) }
}

export const EXPIRIES = ['never', '30d', '90d', '1y', 'date'] as const
export type Expiry = (typeof EXPIRIES)[number]

const DAYS: Record<'30d' | '90d' | '1y', number> = { '30d': 30, '90d': 90, '1y': 365 }

/**
 * When a key of this choice ends, ISO 8601; undefined for never, null for a day that is none or not in the future.
 * @param day `2026-03-01`: the key works through that day, in the time zone of the person
 */
export function expiresAt(choice: Expiry, day: string, nowMs: number): string | undefined | null {
  if (choice === 'never') return undefined
  if (choice !== 'date') return new Date(nowMs + DAYS[choice] * 86_400_000).toISOString()
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day)
  if (!match) return null
  const [year, month, date] = [Number(match[1]), Number(match[2]) - 1, Number(match[3])]
  const end = new Date(year, month, date + 1)
  const last = new Date(year, month, date)
  if (last.getMonth() !== month || last.getDate() !== date || last.getTime() <= nowMs) return null
  return end.toISOString()
}
