import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PrincipalId } from '../../shared/domain/ids'
import type { AppError } from '../../shared/errors'
import type { Caller } from './index'
import type { SecurityTables } from './tables'
import { type Bench, openBench } from './testing'

let bench: Bench
let owner: PrincipalId
/** The owner at the window. */
let by: Caller
beforeEach(async () => {
  bench = await openBench()
  by = bench.security.owner()
  owner = by.principal
})
afterEach(() => bench.end())

const password = 'polonium-and-radium'

describe('passwords', () => {
  it('are set, asked for, changed with the current one, and kept as argon2id with 64 MiB', async () => {
    const { security } = bench
    expect(security.getPrincipal(owner).hasPassword).toBe(false)
    await expect(security.authenticatePassword('Marie Curie', '', 'http')).rejects.toMatchObject({
      code: 'security.wrong_password',
    })
    await security.setPassword(owner, password, undefined, by)
    expect(security.getPrincipal(owner).hasPassword).toBe(true)
    const stored = bench.database.first(
      bench.database.builder<SecurityTables>().selectFrom('principals').select('password_hash'),
    )
    expect(stored?.password_hash).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$/)
    expect(await security.authenticatePassword('marie  CURIE', password, 'websocket')).toMatchObject({
      principal: owner,
      roles: ['owner'],
      via: 'websocket',
      key: null,
    })
    await expect(security.setPassword(owner, 'another one', undefined, by)).rejects.toMatchObject({
      code: 'security.wrong_password',
    })
    await expect(security.setPassword(owner, 'another one', 'wrong', by)).rejects.toMatchObject({
      code: 'security.wrong_password',
    })
    await security.setPassword(owner, 'another one', password, by)
    expect(security.listAudit({ limit: 2, decision: 'deny' }).items).toMatchObject(
      [1, 2].map(() => ({
        principal: owner,
        action: 'password.change',
        summary: 'Marie Curie was denied password.change: the current password was wrong',
      })),
    )
    await bench.restart()
    await expect(bench.security.authenticatePassword('Marie Curie', password, 'http')).rejects.toMatchObject({
      code: 'security.wrong_password',
    })
    expect(await bench.security.authenticatePassword('Marie Curie', 'another one', 'http')).toMatchObject({
      principal: owner,
    })
    const summaries = bench.security.listAudit({ limit: 10 }).items.map(({ summary }) => summary)
    expect(summaries).toContain('Marie Curie signed in with a password')
    expect(summaries).toContain('A sign-in as Marie Curie failed: wrong name or password')
    expect(JSON.stringify([bench.security.listAudit({ limit: 100 }), bench.logs])).not.toContain(password)
  }, 30_000)

  it('of others are set without the current one', async () => {
    const { security } = bench
    const user = bench.user('Pierre', 'viewer')
    await security.setPassword(user.principal, 'forgotten by him', undefined, user)
    await security.setPassword(user.principal, password, undefined, by)
    expect(await security.authenticatePassword('Pierre', password, 'http')).toMatchObject({
      principal: user.principal,
    })
    await expect(security.setPassword(user.principal, 'another one', undefined, user)).rejects.toMatchObject({
      code: 'security.wrong_password',
    })
  }, 30_000)

  it('apps have none; short and endless ones are refused', async () => {
    const app = bench.app('a')
    await expect(bench.security.setPassword(app.principal, password, undefined, app)).rejects.toMatchObject({
      code: 'system.invalid',
    })
    await expect(bench.security.setPassword(owner, 'short', undefined, by)).rejects.toMatchObject({
      code: 'system.invalid',
    })
    await expect(bench.security.setPassword(owner, 'x'.repeat(257), undefined, by)).rejects.toMatchObject({
      code: 'system.invalid',
    })
  })
})

describe('guessing', () => {
  it('many at once: five are tried, the others wait; the right one too, until the wait is over', async () => {
    await bench.security.setPassword(owner, password, undefined, by)
    const guesses = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        bench.security.authenticatePassword('Marie Curie', `guess ${index}`, 'http'),
      ),
    )
    const codes = guesses.map((guess) => (guess.status === 'rejected' ? guess.reason.code : 'in'))
    expect(codes.filter((code) => code === 'security.wrong_password')).toHaveLength(5)
    expect(codes.filter((code) => code === 'network.rate_limited')).toHaveLength(15)
    await expect(bench.security.authenticatePassword('Marie Curie', password, 'http')).rejects.toMatchObject({
      code: 'network.rate_limited',
      details: { retryAfterMs: 1000 },
    })
    bench.clock.advance(1000)
    expect(await bench.security.authenticatePassword('Marie Curie', password, 'http')).toMatchObject({
      principal: owner,
    })
  }, 30_000)

  it('a name that is not there takes the same work, and is limited the same', async () => {
    await bench.security.setPassword(owner, password, undefined, by)
    const timeOf = async (name: string) => {
      const started = performance.now()
      await bench.security.authenticatePassword(name, 'wrong', 'http').catch(() => undefined)
      return performance.now() - started
    }
    await timeOf('warm up')
    const [there, absent] = [await timeOf('Marie Curie'), await timeOf('nobody')]
    // Without the work it would take no thousandth of that, however busy the machine is with other things.
    expect(absent).toBeGreaterThan(there / 20)
    for (let index = 0; index < 4; index++) await timeOf('nobody')
    await expect(bench.security.authenticatePassword('nobody', 'x', 'http')).rejects.toMatchObject({
      code: 'network.rate_limited',
    })
  }, 30_000)

  it('memory blow-up: a flood of names that nobody has takes little work, and keeps nobody out', async () => {
    await bench.security.setPassword(owner, password, undefined, by)
    const flood = Array.from({ length: 200 }, (_, index) =>
      bench.security
        .authenticatePassword(`nobody ${index}`, 'x', 'http')
        .catch((error: AppError) => error.code),
    )
    expect(await bench.security.authenticatePassword('Marie Curie', password, 'http')).toMatchObject({
      principal: owner,
    })
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['security.wrong_password']))
  }, 30_000)

  it('an attempt that is not made for want of room does not count, and passwords are checked again after it', async () => {
    const { security } = bench
    await security.setPassword(owner, password, undefined, by)
    const user = bench.user('Pierre', 'viewer').principal
    const full = Promise.allSettled(
      Array.from({ length: 36 }, () => security.setPassword(user, password, undefined, by)),
    )
    for (let attempt = 0; attempt < 6; attempt++)
      await expect(security.authenticatePassword('Marie Curie', password, 'http')).rejects.toMatchObject({
        code: 'network.rate_limited',
      })
    await full
    expect(await security.authenticatePassword('Marie Curie', password, 'http')).toMatchObject({
      principal: owner,
    })
  }, 60_000)

  it('whoever guesses a name does not keep its owner from a new password', async () => {
    const { security } = bench
    await security.setPassword(owner, password, undefined, by)
    for (let index = 0; index < 6; index++)
      await security.authenticatePassword('Marie Curie', 'x', 'http').catch(() => undefined)
    await security.setPassword(owner, 'another one', password, by)
  }, 30_000)

  it('a removed user does not come in with the old password', async () => {
    const user = bench.user('Pierre', 'viewer')
    await bench.security.setPassword(user.principal, password, undefined, user)
    const entering = bench.security.authenticatePassword('Pierre', password, 'http')
    bench.security.removePrincipal(user.principal)
    await expect(entering).rejects.toMatchObject({ code: 'security.wrong_password' })
    await expect(bench.security.authenticatePassword('Pierre', password, 'http')).rejects.toMatchObject({
      code: 'security.wrong_password',
    })
  }, 30_000)

  it('one that was changed while it was checked lets nobody in, and the change is told', async () => {
    const { security } = bench
    const user = bench.user('Pierre', 'viewer')
    await security.setPassword(user.principal, password, undefined, user)
    await security.authenticatePassword('Pierre', password, 'http')
    const told: string[] = []
    security.onDidChangePassword((id) => told.push(id))
    // Two are computed at once, in turn: the last, of the old password, ends after the new one is set.
    const changed = security.setPassword(user.principal, 'another one', undefined, by)
    const others = ['a', 'b', 'c', 'd'].map((name) =>
      expect(security.authenticatePassword(name, 'x', 'http')).rejects.toThrow(),
    )
    const entered = await security.authenticatePassword('Pierre', password, 'http').then(
      () => (told.length === 0 ? 'before' : 'after'),
      (error: AppError) => error.code,
    )
    await Promise.all([changed, ...others])
    expect(entered).not.toBe('after')
    expect(told).toEqual([user.principal])
  }, 30_000)
})

it('keys: guessing by timing finds nothing, for hashes are compared in constant time', async () => {
  const source = await readFile(new URL('./keys.ts', import.meta.url), 'utf8')
  expect(source).toMatch(/timingSafeEqual\(candidate\.hash, hash\)/)
  expect(source).not.toMatch(/hash\s*===|\.equals\(|compare\(/)
})
