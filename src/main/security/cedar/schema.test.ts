import { describe, expect, it } from 'vitest'
import { ACTION_NAMES, ACTIONS, READ_ACTIONS } from '../../../shared/domain/actions'
import { systemClock } from '../../platform/clock'
import { BUILT_IN_POLICIES, OPERATOR_CHANGES, textOf } from '../built-in-policies'
import { PolicyChecker } from './checker'
import { loadCedar } from './load'
import { SCHEMA } from './schema'

const resources = '../../../../resources/policies'

describe('the schema', () => {
  it('has exactly the actions of the code, each with its type of resource', () => {
    const answer = loadCedar().schemaToJson(SCHEMA)
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer.errors))
    const actions = Object.entries(answer.json['']?.actions ?? {})
    const found = Object.fromEntries(actions.map(([name, action]) => [name, action.appliesTo]))
    const wanted = Object.fromEntries(
      Object.entries(ACTIONS).map(([name, resource]) => [
        name,
        { principalTypes: ['User', 'App'], resourceTypes: [resource] },
      ]),
    )
    expect(found).toMatchObject(wanted)
    expect(Object.keys(found).sort()).toEqual(Object.keys(ACTIONS).sort())
    const types = Object.keys(answer.json['']?.entityTypes ?? {}).sort()
    expect(types).toEqual(['App', 'Role', 'User', ...new Set(Object.values(ACTIONS))].sort())
  })

  it('lies in resources/policies as it is, for editors and the cedar command', async () => {
    const text = `// Generated from src/main/security/cedar/schema.ts: npx vitest run src/main/security -u\n\n${SCHEMA}`
    await expect(text).toMatchFileSnapshot(`${resources}/llmagentos.cedarschema`)
  })
})

describe('the built-in policies', () => {
  it('pass the same check as those of people, and say of themselves what is true', async () => {
    const checker = new PolicyChecker(systemClock)
    for (const policy of BUILT_IN_POLICIES) {
      const { problems, statements } = await checker.check(policy.id, textOf(policy))
      expect(problems).toEqual([])
      expect(statements).toMatchObject(
        policy.statements.map(({ id, effect, principal }) => ({ id, effect, principal })),
      )
    }
    await checker.dispose()
  })

  it('lie in resources/policies as they are', async () => {
    const texts = BUILT_IN_POLICIES.map(
      (policy) => `// ${policy.id}: ${policy.description}\n${textOf(policy)}\n`,
    )
    const text = `// Generated from src/main/security/built-in-policies.ts: npx vitest run src/main/security -u\n\n${texts.join('\n')}`
    await expect(text).toMatchFileSnapshot(`${resources}/built-in.cedar`)
  })

  it('leave to the owner what was meant for the owner; a new action is decided on here', () => {
    const ownerOnly = ACTION_NAMES.filter(
      (action) => !READ_ACTIONS.has(action) && !OPERATOR_CHANGES.has(action),
    )
    expect(ownerOnly.sort()).toEqual([
      'model.import_path',
      'password.change',
      'plugin.manage',
      'policy.manage',
      'principal.manage',
      'quota.manage',
      'settings.manage',
    ])
  })
})
