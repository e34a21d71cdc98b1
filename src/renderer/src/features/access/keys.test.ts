import type { ApiKey } from '@shared/contract'
import { describe, expect, it } from 'vitest'
import { expiresAt, keyState, lastUsed, sortKeys } from './keys'

const NOW = Date.UTC(2026, 0, 15, 12)
const at = (ms: number) => new Date(NOW + ms).toISOString()
const key = (patch: Partial<ApiKey>): ApiKey => ({
  id: 'key-1',
  prefix: 'lla_abcd',
  createdAt: at(-1000),
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
  ...patch,
})

describe('keys', () => {
  it('end by revocation or at their time', () => {
    expect(keyState(key({}), NOW)).toBe('active')
    expect(keyState(key({ expiresAt: at(1) }), NOW)).toBe('active')
    expect(keyState(key({ expiresAt: at(0) }), NOW)).toBe('expired')
    expect(keyState(key({ expiresAt: at(-1), revokedAt: at(-5) }), NOW)).toBe('revoked')
  })

  it('are listed usable first, newest first', () => {
    const old = key({ id: 'old', createdAt: at(-9000) })
    const dead = key({ id: 'dead', revokedAt: at(-1) })
    const fresh = key({ id: 'fresh' })
    const { active, ended } = sortKeys([old, dead, fresh], NOW)
    expect(active.map(({ id }) => id)).toEqual(['fresh', 'old'])
    expect(ended.map(({ id }) => id)).toEqual(['dead'])
    expect(lastUsed([key({ lastUsedAt: at(-50) }), key({ lastUsedAt: at(-5) }), key({})])).toBe(at(-5))
    expect(lastUsed([key({})])).toBeNull()
  })
})

describe('expiresAt', () => {
  it('counts days', () => {
    expect(expiresAt('never', '', NOW)).toBeUndefined()
    expect(expiresAt('30d', '', NOW)).toBe('2026-02-14T12:00:00.000Z')
    expect(expiresAt('1y', '', NOW)).toBe('2027-01-15T12:00:00.000Z')
  })

  it('lets a key work through the chosen day', () => {
    expect(expiresAt('date', '2026-03-01', NOW)).toBe(new Date(2026, 2, 2).toISOString())
  })

  it('refuses what is no day to come', () => {
    for (const day of ['', '2026-02-30', '2025-01-01', 'tomorrow', '2026-13-01']) {
      expect(expiresAt('date', day, NOW)).toBeNull()
    }
  })
})
