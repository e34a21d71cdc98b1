import { ACTIONS, type Action, READ_ACTIONS } from '../../shared/domain/actions'
import type { Statement } from './cedar/statement'

export interface BuiltInPolicy {
  id: string
  description: string
  statements: Statement[]
}

/** What only an owner may do: say who is trusted, with what, and how much of the machine they may hold. */
export const OWNER_ONLY: ReadonlySet<Action> = new Set<Action>([
  'principal.manage',
  'policy.manage',
  'settings.manage',
  'quota.manage',
])

const actions = Object.keys(ACTIONS) as Action[]

function listed(which: (action: Action) => boolean): string {
  const names = actions.filter(which).map((action) => `    Action::"${action}"`)
  return `action in [\n${names.join(',\n')}\n  ]`
}

function policy(id: string, description: string, texts: string[]): BuiltInPolicy {
  const statements = texts.map((text, index): Statement => {
    const position = index === 0 ? '' : `#${index + 1}`
    return { id: `${id}${position}`, text, effect: 'permit', principal: null, names: ['Role', 'Action'] }
  })
  return { id, description, statements }
}

/** Always in force, never changed: the meaning of the roles. All else is what people add. */
export const BUILT_IN_POLICIES: readonly BuiltInPolicy[] = [
  policy('owner-all', 'Owners may do everything.', ['permit (principal in Role::"owner", action, resource);']),
  policy('operator-work', 'Operators run the machine; who may do what, quotas and settings stay with the owner.', [
    `permit (\n  principal in Role::"operator",\n  ${listed((action) => !OWNER_ONLY.has(action))},\n  resource\n);`,
  ]),
  policy('viewer-read', 'Viewers see everything and change nothing.', [
    `permit (\n  principal in Role::"viewer",\n  ${listed((action) => READ_ACTIONS.has(action))},\n  resource\n);`,
  ]),
  policy('own-work', 'Everyone sees and controls their own jobs and releases their own leases; apps may list jobs.', [
    `permit (
  principal,
  action in [Action::"job.read", Action::"job.control", Action::"lease.release"],
  resource
)
when { resource.owner == principal.id };`,
    'permit (principal in Role::"app", action == Action::"job.list", resource);',
  ]),
]

/** The text of a built-in policy as people read it. */
export function textOf(policy: BuiltInPolicy): string {
  return policy.statements.map((statement) => statement.text).join('\n\n')
}
