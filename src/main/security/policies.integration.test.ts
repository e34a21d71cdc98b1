import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Database } from '../platform/database'
import { type Caller, type Resource, THE_SYSTEM } from './index'
import type { SecurityTables } from './tables'
import { type Bench, openBench } from './testing'

let bench: Bench
let app: Caller
beforeEach(async () => {
  bench = await openBench()
  app = bench.app('notes-app')
})
afterEach(() => bench.end())

const model: Resource = { type: 'ModelRef', id: 'm@1', model: 'm', version: 1 }
const permit = 'permit(principal == App::"notes-app", action == Action::"model.run", resource);'
const forbid = 'forbid(principal, action == Action::"model.run", resource == ModelRef::"secret@1");'

function set(id: string, text: string): Promise<unknown> {
  return bench.security.setPolicy(id, text, 'why', bench.security.owner())
}

function damage(id: string, changes: Partial<SecurityTables['policies']>): (database: Database) => void {
  return (database) =>
    void database.run(
      database.builder<SecurityTables>().updateTable('policies').set(changes).where('id', '=', id),
    )
}

describe('policies', () => {
  it('are set, replaced, read, listed, removed, and kept', async () => {
    await set('p', permit)
    expect(bench.security.getPolicy('p')).toEqual({
      id: 'p',
      text: permit,
      builtIn: false,
      description: 'why',
      updatedAt: '2026-01-01T00:00:00.000Z',
      updatedBy: 'marie-curie',
    })
    expect(bench.security.allows(app, 'model.run', model)).toBe(true)
    await bench.restart()
    expect(bench.security.allows(app, 'model.run', model)).toBe(true)
    await set('p', permit.replace('notes-app', 'other'))
    expect(bench.security.allows(app, 'model.run', model)).toBe(false)
    expect(bench.security.listPolicies().map(({ id, builtIn }) => [id, builtIn])).toEqual([
      ['owner-all', true],
      ['operator-work', true],
      ['viewer-read', true],
      ['own-work', true],
      ['warnings-need-a-person', true],
      ['p', false],
    ])
    bench.security.removePolicy('p')
    expect(() => bench.security.removePolicy('p')).toThrow(
      expect.objectContaining({ code: 'security.not_found' }),
    )
    expect(() => bench.security.getPolicy('p')).toThrow(
      expect.objectContaining({ code: 'security.not_found' }),
    )
  })

  it('that are not valid are refused with their place, and what was in force stays', async () => {
    await set('p', permit)
    const refused = set('p', 'permit(principal,\n  action == Action::"nope", resource);')
    await expect(refused).rejects.toMatchObject({
      code: 'security.invalid_policy',
      status: 422,
      details: { problems: [{ line: 2, column: 13 }] },
    })
    await expect(refused).rejects.toThrow('The policy p is not valid: unrecognized action `Action::"nope"`')
    expect(bench.security.allows(app, 'model.run', model)).toBe(true)
    expect(await bench.security.validatePolicy(permit)).toEqual({ valid: true, problems: [] })
    expect(await bench.security.validatePolicy('permit(')).toMatchObject({
      valid: false,
      problems: [{ line: 1 }],
    })
  })

  it('saved with a key that is revoked while the text is checked: it does not come into force', async () => {
    const { key } = bench.security.createKey(bench.security.owner().principal, {})
    const by = bench.security.authenticateKey(key, 'http') as Caller
    const saved = bench.security.setPolicy('p', permit, '', by)
    bench.security.revokeKey(by.key ?? '')
    await expect(saved).rejects.toMatchObject({ code: 'security.denied' })
    expect(bench.security.allows(app, 'model.run', model)).toBe(false)
    expect(bench.security.listPolicies().map(({ id }) => id)).not.toContain('p')
    expect(bench.security.listAudit({ limit: 1 }).items[0]).toMatchObject({
      decision: 'deny',
      summary: expect.stringContaining('tried: saved the policy p'),
    })
  })

  it('that are built in cannot be changed, and names are checked', async () => {
    await expect(set('owner-all', forbid)).rejects.toMatchObject({ code: 'security.conflict' })
    expect(() => bench.security.removePolicy('own-work')).toThrow(
      expect.objectContaining({ code: 'security.conflict' }),
    )
    for (const id of ['', 'A', '../p', 'p#2', 'x'.repeat(64)])
      await expect(set(id, permit)).rejects.toMatchObject({ code: 'system.invalid' })
  })

  it('deny overrides allow, for the owner as well', async () => {
    await set('nobody', forbid)
    const secret: Resource = { type: 'ModelRef', id: 'secret@1' }
    expect(() => bench.security.authorize(bench.security.owner(), 'model.run', secret)).toThrow(
      expect.objectContaining({
        code: 'security.denied',
        details: expect.objectContaining({ policies: ['nobody'] }),
      }),
    )
  })
})

describe('a damaged store', () => {
  it('a permit that cannot be read permits nothing; all else goes on', async () => {
    await set('p', permit)
    await set('q', 'permit(principal == App::"notes-app", action == Action::"device.read", resource);')
    await bench.restart(damage('p', { text: 'permit(princ\0pal' }))
    expect(bench.security.allows(app, 'model.run', model)).toBe(false)
    expect(bench.security.allows(app, 'device.read', THE_SYSTEM)).toBe(true)
    expect(bench.security.problems()).toHaveLength(1)
    expect(bench.security.problems()[0]).toMatch(/stored policy p is not valid: .* It permits nothing until/)
    expect(bench.logs).toMatchObject([{ policy: 'p', msg: 'a stored policy is not valid' }])
    await set('p', permit)
    expect(bench.security.allows(app, 'model.run', model)).toBe(true)
    expect(bench.security.problems()).toEqual([])
  })

  it.each([
    ['text', { text: 'forbi(principal, action, resource);' }],
    ['text and statements', { text: '???', statements: '[{"id":"f"' }],
    ['bytes', { text: Buffer.from([0xff, 0, 0xfe]) as unknown as string }],
  ])('a forbid that cannot be read (%s) forbids all but the owner', async (_what, changes) => {
    await set('p', permit)
    await set('f', forbid)
    await bench.restart(damage('f', changes))
    expect(bench.security.allows(app, 'model.run', model)).toBe(false)
    expect(bench.security.allows(app, 'job.list', THE_SYSTEM)).toBe(false)
    expect(bench.security.explain('notes-app', 'job.list', 'System::"machine"').policies).toEqual(['f'])
    expect(bench.security.problems()[0]).toContain('only owners may do anything')
    const owner = bench.security.owner()
    bench.security.authorize(owner, 'policy.manage', THE_SYSTEM)
    bench.security.removePolicy('f')
    expect(bench.security.allows(app, 'model.run', model)).toBe(true)
  })

  it('a statement swapped behind the text is not believed', async () => {
    await set('f', forbid)
    const statements = JSON.stringify([
      { id: 'f', text: 'permit(principal, action, resource);', effect: 'permit', principal: null, names: [] },
    ])
    await bench.restart(damage('f', { statements }))
    expect(bench.security.allows(app, 'policy.manage', THE_SYSTEM)).toBe(false)
    expect(
      bench.security.allows(bench.security.owner(), 'model.run', { type: 'ModelRef', id: 'secret@1' }),
    ).toBe(false)
    expect(bench.security.problems()).toEqual([])
  })

  it('a text too deep for the engine, put there by hand, does not keep the system from starting', async () => {
    await set('p', permit)
    await bench.restart(
      damage('p', { text: `permit(principal, action, resource) when {${'1 + '.repeat(20_000)}1 == 2};` }),
    )
    expect(bench.security.problems()[0]).toContain('nested too deeply')
    expect(bench.security.allows(bench.security.owner(), 'model.run', model)).toBe(true)
  })
})
