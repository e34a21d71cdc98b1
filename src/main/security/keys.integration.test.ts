import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Action } from '../../shared/domain/actions'
import type { AppError } from '../../shared/errors'
import { type Resource, THE_SYSTEM } from './index'
import { type Bench, openBench } from './testing'

let bench: Bench
beforeEach(async () => {
  bench = await openBench()
})
afterEach(() => bench.end())

const production: Resource = {
  type: 'ModelRef',
  id: 'silero-vad@production',
  model: 'silero-vad',
  version: 1,
}
const oneModel =
  'permit(principal == App::"notes-app", action == Action::"model.run", resource == ModelRef::"silero-vad@production");'

function failure(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    return error as AppError
  }
  throw new Error('it did not fail')
}

describe('attacks on keys', () => {
  it('unknown key, key of another form, empty and endless keys are nobody', () => {
    for (const key of ['', 'lla_', `lla_${'A'.repeat(43)}`, 'x'.repeat(100_000), '\0', '\ud800']) {
      expect(bench.security.authenticateKey(key, 'http')).toBeNull()
    }
  })

  it('a key is 256 random bits, shown once, stored as a hash only', () => {
    const { id } = bench.security.createPrincipal({ kind: 'app', name: 'a', roles: ['app'] })
    const { key } = bench.security.createKey(id, {})
    expect(key).toMatch(/^lla_[\w-]{43}$/)
    const rows = JSON.stringify(
      bench.database.all({
        compile: () => ({
          sql: 'select * from api_keys',
          parameters: [],
          query: {} as never,
          queryId: {} as never,
        }),
      }),
    )
    expect(rows).not.toContain(key.slice(8))
    expect(bench.security.authenticateKey(key, 'websocket')).toMatchObject({
      principal: id,
      kind: 'app',
      roles: ['app'],
      via: 'websocket',
    })
    expect(bench.security.authenticateKey(`${key}A`, 'http')).toBeNull()
    expect(bench.security.authenticateKey(key.toUpperCase(), 'http')).toBeNull()
  })

  it('expired key, also within an open session', () => {
    const { id } = bench.security.createPrincipal({ kind: 'app', name: 'a', roles: ['app'] })
    const { key, expiresAt } = bench.security.createKey(id, {
      expiresAt: new Date(bench.clock.now() + 1000).toISOString(),
    })
    expect(expiresAt).toBe('2026-01-01T00:00:01.000Z')
    bench.clock.advance(999)
    const caller = bench.security.authenticateKey(key, 'http')
    if (!caller) throw new Error('it must still work')
    expect(bench.security.allows(caller, 'job.list', THE_SYSTEM)).toBe(true)
    bench.clock.advance(1)
    expect(bench.security.authenticateKey(key, 'http')).toBeNull()
    expect(failure(() => bench.security.authorize(caller, 'job.list', THE_SYSTEM)).code).toBe(
      'security.denied',
    )
    expect(failure(() => bench.security.createKey(id, { expiresAt: '2025-01-01T00:00:00Z' })).code).toBe(
      'system.invalid',
    )
    expect(failure(() => bench.security.createKey(id, { expiresAt: 'soon' })).code).toBe('system.invalid')
  })

  it('a key limited to some actions opens no others, whatever its principal may do, also after a restart', async () => {
    const { id } = bench.security.createPrincipal({ kind: 'user', name: 'o', roles: ['operator'] })
    const { key } = bench.security.createKey(id, { scopes: ['job.list'] })
    for (const restart of [false, true]) {
      if (restart) await bench.restart()
      const caller = bench.security.authenticateKey(key, 'http')
      if (!caller) throw new Error('it must work')
      expect(bench.security.allows(caller, 'job.list', THE_SYSTEM)).toBe(true)
      expect(bench.security.allows(caller, 'device.read', THE_SYSTEM)).toBe(false)
      expect(failure(() => bench.security.authorize(caller, 'job.submit', THE_SYSTEM)).code).toBe(
        'security.denied',
      )
    }
    expect(bench.security.getPrincipal(id).keys).toMatchObject([{ scopes: ['job.list'] }])
  })

  it('a key limited to some actions gets rid of its limits neither by another key nor by a password', async () => {
    const { security } = bench
    const { id } = security.createPrincipal({ kind: 'user', name: 'o', roles: ['owner'] })
    const scopes: Action[] = ['principal.manage', 'password.change', 'job.list']
    const caller = security.authenticateKey(security.createKey(id, { scopes }).key, 'http')
    if (!caller) throw new Error('it must work')
    const denied = { code: 'security.denied' }
    expect(failure(() => security.createKey(id, {}, caller))).toMatchObject(denied)
    const more: Action[] = ['job.list', 'job.submit']
    expect(failure(() => security.createKey(id, { scopes: more }, caller))).toMatchObject(denied)
    for (const whose of [id, security.owner().principal])
      await expect(security.setPassword(whose, 'long enough', undefined, caller)).rejects.toMatchObject(
        denied,
      )
    const [record] = security.listAudit({ limit: 1, decision: 'deny' }).items
    expect(record?.summary).toBe(
      'o was denied password.change: with it this key could do more than it is limited to',
    )
    security.createKey(id, { scopes: ['job.list'] }, caller)
    security.createKey(id, {}, security.owner())
    await security.setPassword(id, 'long enough', undefined, security.owner())
    await security.setPassword(id, 'and another', 'long enough', caller)
  }, 30_000)

  it('revoked key, also within an open session and after a restart', async () => {
    const { id } = bench.security.createPrincipal({ kind: 'app', name: 'a', roles: ['app'] })
    const { id: keyId, key } = bench.security.createKey(id, {})
    const caller = bench.security.authenticateKey(key, 'http')
    if (!caller) throw new Error('it must work')
    expect(bench.security.renewed(caller, 'websocket')).toEqual({ ...caller, via: 'websocket' })
    expect(bench.security.revokeKey(keyId).revokedAt).not.toBeNull()
    expect(bench.security.authenticateKey(key, 'http')).toBeNull()
    expect(bench.security.renewed(caller, 'http')).toBeNull()
    expect(bench.security.allows(caller, 'job.list', THE_SYSTEM)).toBe(false)
    expect(() => bench.security.revokeKey(keyId)).not.toThrow()
    await bench.restart()
    expect(bench.security.authenticateKey(key, 'http')).toBeNull()
    expect(failure(() => bench.security.revokeKey('key-nope')).code).toBe('security.not_found')
  })

  it('key of a removed principal; and its id never means someone else', async () => {
    const { id } = bench.security.createPrincipal({ kind: 'app', name: 'notes-app', roles: ['app'] })
    const { key } = bench.security.createKey(id, {})
    const caller = bench.security.authenticateKey(key, 'http')
    await bench.security.setPolicy('p', oneModel, '', bench.security.owner())
    bench.security.removePrincipal(id)
    expect(bench.security.authenticateKey(key, 'http')).toBeNull()
    if (caller) expect(bench.security.allows({ ...caller, key: null }, 'model.run', production)).toBe(false)
    const again = bench.app('notes-app')
    expect(again.principal).toBe('notes-app-2')
    expect(bench.security.allows(again, 'model.run', production)).toBe(false)
    await bench.restart()
    expect(bench.security.authenticateKey(key, 'http')).toBeNull()
    expect(failure(() => bench.security.getPrincipal(id)).code).toBe('security.not_found')
  })

  it('the last use is remembered, and written once a minute at most', async () => {
    const caller = bench.app('a')
    const { key } = bench.security.createKey(caller.principal, {})
    const written = () => bench.security.getPrincipal(caller.principal).keys.at(-1)?.lastUsedAt
    bench.security.authenticateKey(key, 'http')
    await bench.database.write(() => undefined)
    bench.clock.advance(59_999)
    bench.security.authenticateKey(key, 'http')
    expect(written()).toBe('2026-01-01T00:00:59.999Z')
    await bench.restart()
    expect(written()).toBe('2026-01-01T00:00:00.000Z')
  })
})
