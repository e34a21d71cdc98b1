import { validate } from '@cedar-policy/cedar-wasm/nodejs'
import { ACTIONS } from '@shared/domain/actions'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import builtIn from '../../../../../../resources/policies/built-in.cedar?raw'
import schema from '../../../../../../resources/policies/llmagentos.cedarschema?raw'
import { concerns, readPolicy } from './read-policy'
import { offsetOf, tokensOf } from './tokens'
import { formatUid, parseUid } from './uid'
import {
  exactPermit,
  exactPermitId,
  freePolicyId,
  type Grant,
  grantPolicy,
  grantPolicyId,
  likelyPrincipalId,
  renamePrincipal,
} from './write-policy'

/** What Cedar itself finds wrong with a text, errors and warnings. */
function problemsIn(text: string): string[] {
  const answer = validate({ schema, policies: { staticPolicies: text } })
  if (answer.type === 'failure') return answer.errors.map(({ message }) => message)
  return [...answer.validationErrors, ...answer.validationWarnings].map(({ error }) => error.message)
}

const app = { kind: 'app' as const, id: 'notes-app' }
const words = fc.string({ unit: 'grapheme', maxLength: 40 })
const anyText = fc.oneof(
  words,
  fc.constantFrom('"', '\\', '\n', '\u202e', '\0', '*/ permit(principal, action, resource);'),
)
// Cedar warns of ids beyond printable ASCII, and the system gives none.
const asciiId = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom('"', '\\', '"); permit(principal, action, resource);//'),
)
const modelName = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?$/)
const modelChoice = fc.oneof(
  modelName,
  fc
    .tuple(modelName, fc.constantFrom('production', 'canary', '1', '42'))
    .map(([name, tail]) => `${name}@${tail}`),
)
const grants: fc.Arbitrary<Grant> = fc
  .record({
    models: fc.uniqueArray(modelChoice, { maxLength: 4 }),
    readModels: fc.boolean(),
    listModels: fc.boolean(),
    submitJobs: fc.boolean(),
  })
  .filter((grant) => grant.models.length > 0 || grant.listModels || grant.submitJobs)

describe('the text of a grant', () => {
  it('lets an app run one alias, and read about that model', () => {
    const grant = {
      models: ['silero-vad@production'],
      readModels: true,
      listModels: false,
      submitJobs: false,
    }
    expect(
      grantPolicy(app, grant, 'notes-app may run silero-vad@production'),
    ).toBe(`// notes-app may run silero-vad@production
permit (
  principal == App::"notes-app",
  action == Action::"model.run",
  resource == ModelRef::"silero-vad@production"
);

permit (
  principal == App::"notes-app",
  action == Action::"model.read",
  resource == Model::"silero-vad"
);
`)
  })

  it('is valid against the schema of the system, whatever is granted to whom', () => {
    fc.assert(
      fc.property(grants, asciiId, anyText, (grant, id, about) => {
        expect(problemsIn(grantPolicy({ kind: 'app', id }, grant, about))).toEqual([])
      }),
      { numRuns: 12 },
    )
  })

  it('permits nothing to anyone else: a hostile id or comment stays a string', () => {
    fc.assert(
      fc.property(grants, anyText, anyText, (grant, id, about) => {
        const statements = readPolicy(grantPolicy({ kind: 'app', id }, grant, about)) ?? []
        expect(statements.length).toBeGreaterThan(0)
        for (const { effect, principal, condition } of statements) {
          expect({ effect, principal, condition }).toEqual({
            effect: 'permit',
            principal: { op: '==', uids: [{ type: 'App', id }] },
            condition: 'none',
          })
        }
      }),
    )
  })

  it('has a valid policy for each action that a denial may name', () => {
    for (const [action, type] of Object.entries(ACTIONS)) {
      const id = type === 'System' ? 'machine' : 'x"y@1'
      expect(problemsIn(exactPermit(app, action, { type, id }, 'once denied'))).toEqual([])
    }
  })

  it('follows the app to the id that it was given', () => {
    const text = exactPermit(app, 'job.submit', { type: 'System', id: 'machine' }, '')
    const renamed = renamePrincipal(text, app, { kind: 'app', id: 'notes-app-2' })
    expect(renamed).toContain('principal == App::"notes-app-2"')
    expect(renamed).not.toContain('App::"notes-app",')
  })
})

describe('names of policies', () => {
  it('say who may run what', () => {
    const grant = {
      models: ['silero-vad@production'],
      readModels: true,
      listModels: false,
      submitJobs: false,
    }
    expect(grantPolicyId(app, grant, new Set())).toBe('notes-app-may-run-silero-vad-production')
    expect(grantPolicyId(app, { ...grant, models: ['a', 'b', 'c'] }, new Set())).toBe(
      'notes-app-may-run-a-and-2-more',
    )
    expect(grantPolicyId(app, { ...grant, models: [], submitJobs: true }, new Set())).toBe(
      'notes-app-may-submit-jobs',
    )
    expect(exactPermitId(app, 'model.run', { type: 'ModelRef', id: 'ppocr-rec@5' }, new Set())).toBe(
      'notes-app-may-run-ppocr-rec-5',
    )
  })

  it('fit the contract and are never taken', () => {
    fc.assert(
      fc.property(anyText, fc.nat(3), (text, count) => {
        const taken = new Set<string>()
        for (let i = 0; i <= count; i++) {
          const id = freePolicyId(text.repeat(3), taken)
          expect(id).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/)
          expect(taken.has(id)).toBe(false)
          taken.add(id)
        }
      }),
    )
  })

  it('guess the id of a new app as the system makes it', () => {
    expect(likelyPrincipalId('Notes App', new Set())).toBe('notes-app')
    expect(likelyPrincipalId('Notes App', new Set(['notes-app']))).toBe('notes-app-2')
    expect(likelyPrincipalId('笔记', new Set())).toBe('app')
  })
})

describe('reading policies', () => {
  it('understands the built-in ones', () => {
    const statements = readPolicy(builtIn) ?? []
    expect(statements.map(({ effect, condition }) => [effect, condition])).toEqual([
      ['permit', 'none'],
      ['permit', 'none'],
      ['permit', 'none'],
      ['permit', 'own'],
      ['permit', 'none'],
      ['permit', 'none'],
      ['forbid', 'none'],
    ])
    const viewer = { kind: 'user' as const, id: 'eve', roles: ['viewer' as const] }
    expect(statements.map((statement) => concerns(statement, viewer))).toEqual([
      false,
      false,
      true,
      true,
      false,
      true,
      false,
    ])
  })

  it('knows whom a head can mean', () => {
    const means = (head: string) => {
      const [statement] =
        readPolicy(`forbid(${head}, action, resource) when { context.x == {"a": 1} };`) ?? []
      expect(statement?.condition).toBe('other')
      return statement && concerns(statement, { ...app, roles: ['app'] })
    }
    expect(means('principal')).toBe(true)
    expect(means('principal is App')).toBe(true)
    expect(means('principal is App in Role::"owner"')).toBe(false)
    expect(means('principal in Role::"app"')).toBe(true)
    expect(means('principal == App::"notes-app"')).toBe(true)
    expect(means('principal == User::"notes-app"')).toBe(false)
    expect(means('principal == App::"notes"')).toBe(false)
  })

  it('says so where it does not understand', () => {
    for (const text of [
      'permit',
      'permit (principal, action, resource)',
      'allow(principal,action,resource);',
      '"',
      'permit(principal == App::"\\q", action, resource);',
    ]) {
      expect(readPolicy(text)).toBeNull()
    }
    expect(readPolicy('// nothing\n')).toEqual([])
  })
})

describe('text', () => {
  it('comes back whole from its tokens', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(anyText, fc.constantFrom('permit', '::', '// x', '"a\\"')), { maxLength: 8 }),
        (parts) => {
          const text = parts.join('')
          expect(
            tokensOf(text)
              .map((token) => token.text)
              .join(''),
          ).toBe(text)
        },
      ),
    )
  })

  it('has a place for each line and column, and none outside', () => {
    expect(offsetOf('ab\ncd\n', 1, 1)).toBe(0)
    expect(offsetOf('ab\ncd\n', 2, 2)).toBe(4)
    expect(offsetOf('ab\ncd\n', 2, 99)).toBe(5)
    expect(offsetOf('ab\ncd\n', 99, 99)).toBe(6)
    expect(offsetOf('', 3, 3)).toBe(0)
  })

  it('of an entity reads back as the entity', () => {
    fc.assert(
      fc.property(anyText, (id) => {
        expect(parseUid(formatUid({ type: 'ModelRef', id }))).toEqual({ type: 'ModelRef', id })
      }),
    )
    for (const text of [
      '',
      'Model',
      'Model::silero',
      'Model::"a"b"',
      'Model::"\\q"',
      'Model::"\\u{110000}"',
    ]) {
      expect(parseUid(text)).toBeNull()
    }
  })
})
