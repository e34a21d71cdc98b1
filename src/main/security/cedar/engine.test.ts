import fc from 'fast-check'
import pino from 'pino'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { PrincipalId } from '../../../shared/domain/ids'
import { systemClock } from '../../platform/clock'
import type { Resource } from '../index'
import { PolicyChecker } from './checker'
import { PolicyEngine } from './engine'
import type { PolicyPrincipal } from './entities'
import { type Cedar, loadCedar } from './load'
import type { Statement } from './statement'

const checker = new PolicyChecker(systemClock)
afterAll(() => checker.dispose())

const logs: string[] = []
const logger = pino({ level: 'error' }, { write: (line: string) => void logs.push(line) })
const cedar = loadCedar()
const app: PolicyPrincipal = { kind: 'app', id: 'a', name: 'A', roles: ['app'] }
const model: Resource = { type: 'ModelRef', id: 'm@production', model: 'm', version: 3 }
const run = 'action == Action::"model.run", resource'

async function statements(texts: Record<string, string>): Promise<Statement[]> {
  const all: Statement[] = []
  for (const [id, text] of Object.entries(texts)) {
    const checked = await checker.check(id, text)
    if (checked.problems.length > 0) throw new Error(JSON.stringify(checked.problems))
    all.push(...checked.statements)
  }
  return all
}

let engine: PolicyEngine
beforeEach(() => {
  logs.length = 0
  engine = new PolicyEngine(logger, () => cedar)
})

describe('decisions', () => {
  it('deny when there is no policy', () => {
    expect(engine.decide(app, 'model.run', model)).toEqual({ decision: 'deny', policies: [], errors: [] })
  })

  it('deny overrides allow, and names the forbids', async () => {
    engine.setStatements(
      await statements({
        'a-permit': `permit(principal, ${run}); permit(principal == App::"a", ${run});`,
        'z-forbid': `permit(principal == App::"b", ${run}); @id("never") forbid(principal, ${run}) when { resource.model == "m" };`,
      }),
    )
    expect(engine.decide(app, 'model.run', model)).toEqual({
      decision: 'deny',
      policies: ['z-forbid#never'],
      errors: [],
    })
    expect(engine.decide(app, 'model.run', { ...model, id: 'n@1', model: 'n' })).toMatchObject({
      decision: 'allow',
      policies: ['a-permit', 'a-permit#2'],
    })
  })

  it('a permit that fails when evaluated does not allow; a forbid that fails denies', async () => {
    const overflow = 'when { resource has version && resource.version + 9223372036854775807 > 0 }'
    engine.setStatements(await statements({ broken: `permit(principal, ${run}) ${overflow};` }))
    const denied = engine.decide(app, 'model.run', model)
    expect(denied).toMatchObject({ decision: 'deny', policies: [] })
    expect(denied.errors[0]).toMatch(/^broken: integer overflow/)
    engine.setStatements(
      await statements({ ok: `permit(principal, ${run});`, guard: `forbid(principal, ${run}) ${overflow};` }),
    )
    expect(engine.decide(app, 'model.run', model)).toMatchObject({ decision: 'deny', policies: ['guard'] })
  })

  it('follow the policies, the roles and the attributes when these change', async () => {
    const texts = {
      v: `permit(principal in Role::"app", ${run}) when { resource has version && resource.version == 3 };`,
    }
    engine.setStatements(await statements(texts))
    expect(engine.decide(app, 'model.run', model).decision).toBe('allow')
    expect(engine.decide(app, 'model.run', { ...model, version: 4 }).decision).toBe('deny')
    expect(engine.decide({ ...app, roles: [] }, 'model.run', model).decision).toBe('deny')
    engine.setStatements([])
    expect(engine.decide(app, 'model.run', model).decision).toBe('deny')
  })

  it('a policy for one job holds for that job, beside one for all of an owner', async () => {
    engine.setStatements(
      await statements({
        own: 'permit(principal, action == Action::"job.read", resource) when { resource.owner == principal.id };',
      }),
    )
    const job = (id: string, owner: string): Resource => ({ type: 'Job', id, owner: owner as PrincipalId })
    expect(engine.decide(app, 'job.read', job('j1', 'a')).decision).toBe('allow')
    expect(engine.decide(app, 'job.read', job('j2', 'b')).decision).toBe('deny')
    engine.setStatements(
      await statements({ one: 'permit(principal, action == Action::"job.read", resource == Job::"j2");' }),
    )
    expect(engine.decide(app, 'job.read', job('j2', 'b')).decision).toBe('allow')
    expect(engine.decide(app, 'job.read', job('j3', 'b')).decision).toBe('deny')
  })
})

describe('policy injection', () => {
  it('quotes, line breaks and Cedar text in names and references stay names', async () => {
    engine.setStatements(
      await statements({
        p: `permit(principal == App::"a", action == Action::"model.run", resource == ModelRef::"m@1");`,
      }),
    )
    const hostile = [
      'm@1"',
      '"m@1',
      'm@1\n',
      'm@1\0',
      'm@1" || true || "',
      'm@1");permit(principal,action,resource);//',
      'M@1',
      '__entity',
      'm@1\ud800',
    ]
    for (const id of hostile) {
      expect(engine.decide(app, 'model.run', { type: 'ModelRef', id }).decision).toBe('deny')
      expect(engine.decide({ ...app, id }, 'model.run', { type: 'ModelRef', id: 'm@1' }).decision).toBe(
        'deny',
      )
      expect(
        engine.decide({ ...app, id: 'b', name: `a"${id}` }, 'model.run', { type: 'ModelRef', id: 'm@1' })
          .decision,
      ).toBe('deny')
    }
    expect(engine.decide(app, 'model.run', { type: 'ModelRef', id: 'm@1' }).decision).toBe('allow')
  })

  it('a user with the id of an app is not that app', async () => {
    engine.setStatements(await statements({ p: `permit(principal == App::"a", ${run});` }))
    expect(engine.decide({ ...app, kind: 'user' }, 'model.run', model).decision).toBe('deny')
  })

  it('no role makes up another', async () => {
    engine.setStatements(await statements({ p: 'permit(principal in Role::"owner", action, resource);' }))
    const odd = ['owner"', 'Owner', 'owner\0'] as unknown as PolicyPrincipal['roles']
    expect(engine.decide({ ...app, roles: odd }, 'model.run', model).decision).toBe('deny')
  })
})

describe('an engine that breaks', () => {
  it('denies, is replaced, and decides again', async () => {
    const permit = await statements({ p: `permit(principal == App::"a", ${run});` })
    let loads = 0
    const fragile = new PolicyEngine(logger, (): Cedar => {
      loads++
      const broken = () => {
        throw new Error('memory access out of bounds')
      }
      return loads === 1 ? { ...cedar, statefulIsAuthorized: broken } : cedar
    })
    fragile.setStatements(permit)
    expect(fragile.decide(app, 'model.run', model)).toMatchObject({ decision: 'deny', policies: [] })
    expect(logs[0]).toContain('memory access out of bounds')
    expect(fragile.decide(app, 'model.run', model).decision).toBe('allow')
    expect(loads).toBe(2)
  })

  it('does not break on the deepest policies that the checker lets pass', async () => {
    const deepest: Record<string, (levels: number) => string> = {
      conditionals: (n) => `${'if resource.model == "x" then true else '.repeat(n)}true`,
      sums: (n) => `${'1 + '.repeat(n)}1 == 2`,
      ands: (n) => `${'resource.model == "m" && '.repeat(n)}true`,
      sets: (n) => `${'['.repeat(n)}1${']'.repeat(n)} == ${'['.repeat(n)}1${']'.repeat(n)}`,
      brackets: (n) => `${'('.repeat(n)}true${')'.repeat(n)}`,
    }
    const fresh = new PolicyEngine(logger)
    for (const [shape, make] of Object.entries(deepest)) {
      const accepted: number[] = []
      for (const levels of [10, 18, 50, 90, 150, 250]) {
        const checked = await checker.check(shape, `permit(principal, ${run}) when { ${make(levels)} };`)
        if (checked.problems.length > 0) continue
        accepted.push(levels)
        fresh.setStatements(checked.statements)
        expect([shape, levels, fresh.decide(app, 'model.run', model).errors]).toEqual([shape, levels, []])
      }
      expect([shape, accepted]).toEqual([shape, /sets|brackets/.test(shape) ? [10, 18] : [10, 18, 50, 90]])
    }
    expect(logs).toEqual([])
  }, 60_000)
})

describe('always', () => {
  const principal = fc.constantFrom(
    'principal',
    'principal == App::"other"',
    'principal in Role::"viewer"',
    'principal is User',
    'principal == User::"a"',
  )
  const target = fc.constantFrom(
    'resource',
    'resource is Job',
    'resource in Model::"m"',
    'resource == ModelRef::"m@production"',
  )
  const action = fc.constantFrom(
    'action',
    'action == Action::"model.run"',
    'action in [Action::"model.run", Action::"job.read"]',
  )
  const condition = fc.constantFrom(
    '',
    'when { principal.name == "A" }',
    'unless { principal.id == "other" }',
    'when { principal has id }',
  )
  const forbid = fc
    .tuple(principal, action, target, condition)
    .map(([p, a, r, c]) => `forbid(${p}, ${a}, ${r}) ${c};`)
  const permitForOthers = fc
    .tuple(
      fc.constantFrom('principal == App::"other"', 'principal in Role::"viewer"', 'principal is User'),
      action,
      target,
      condition,
    )
    .map(([p, a, r, c]) => `permit(${p}, ${a}, ${r}) ${c};`)

  function asStatements(texts: string[]): Statement[] {
    return texts.map((text, index) => {
      const effect = text.startsWith('permit') ? 'permit' : 'forbid'
      const other = text.includes('App::"other"') ? 'App\0other' : null
      return {
        id: `p${index}`,
        text,
        effect,
        principal: other,
        names: ['Role', 'Action', 'Model', 'ModelRef', 'User'],
      }
    })
  }

  it('a principal without any permit is denied, whatever the policies', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(forbid, permitForOthers), { maxLength: 8 }), (texts) => {
        engine.setStatements(asStatements(texts))
        expect(engine.decide(app, 'model.run', model).decision).toBe('deny')
      }),
      { numRuns: 200 },
    )
  })

  it('leaving out the statements of others decides as the whole set does', () => {
    const mine = fc.constantFrom(
      'permit(principal == App::"a", action, resource);',
      'permit(principal in Role::"app", action == Action::"model.run", resource);',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(forbid, permitForOthers, mine), { maxLength: 8 }), (texts) => {
        const sliced = asStatements(texts)
        engine.setStatements(sliced)
        const decision = engine.decide(app, 'model.run', model)
        engine.setStatements(sliced.map((statement) => ({ ...statement, principal: null })))
        expect(engine.decide(app, 'model.run', model)).toEqual(decision)
      }),
      { numRuns: 200 },
    )
  })
})
