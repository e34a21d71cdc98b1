import { ACTION_NAMES, type Action, READ_ACTIONS } from '../../shared/domain/actions'
import type { Statement } from './cedar/statement'

export interface BuiltInPolicy {
  id: string
  description: string
  statements: Statement[]
}

/**
 * What operators may change. Named one by one, so that a new action is the owner's until someone decides otherwise: who is
 * trusted with what, quotas, settings, and reading any file of this machine stay with the owner.
 */
export const OPERATOR_CHANGES: ReadonlySet<Action> = new Set<Action>([
  'device.manage',
  'lease.request',
  'lease.release',
  'model.run',
  'model.import',
  'model.manage',
  'import.cancel',
  'import.confirm',
  'dataset.manage',
  'storage.maintain',
  'job.submit',
  'job.control',
  'runtime.manage',
  'endpoint.manage',
])

function listed(which: (action: Action) => boolean): string {
  const names = ACTION_NAMES.filter(which).map((action) => `    Action::"${action}"`)
  return `action in [\n${names.join(',\n')}\n  ]`
}

function policy(id: string, description: string, texts: string[]): BuiltInPolicy {
  const statements = texts.map((text, index): Statement => {
    const position = index === 0 ? '' : `#${index + 1}`
    const effect = text.startsWith('forbid') ? 'forbid' : 'permit'
    return { id: `${id}${position}`, text, effect, principal: null, names: ['Role', 'Action'] }
  })
  return { id, description, statements }
}

/** Always in force, never changed: the meaning of the roles. All else is what people add. */
export const BUILT_IN_POLICIES: readonly BuiltInPolicy[] = [
  policy('owner-all', 'Owners may do everything.', [
    'permit (principal in Role::"owner", action, resource);',
  ]),
  policy(
    'operator-work',
    'Operators run the machine; who may do what, quotas, settings and imports from any path stay with the owner.',
    [
      `permit (\n  principal in Role::"operator",\n  ${listed((action) => READ_ACTIONS.has(action) || OPERATOR_CHANGES.has(action))},\n  resource\n);`,
    ],
  ),
  policy('viewer-read', 'Viewers see everything and change nothing.', [
    `permit (\n  principal in Role::"viewer",\n  ${listed((action) => READ_ACTIONS.has(action))},\n  resource\n);`,
  ]),
  policy(
    'own-work',
    'Everyone sees and controls their own jobs, releases their own leases and decides on their own imports; apps may list jobs, people set their own password.',
    [
      `permit (
  principal,
  action in [
    Action::"job.read",
    Action::"job.control",
    Action::"lease.release",
    Action::"import.cancel",
    Action::"import.confirm"
  ],
  resource
)
when { resource.owner == principal.id };`,
      'permit (principal in Role::"app", action == Action::"job.list", resource);',
      'permit (principal is User, action == Action::"password.change", resource);',
    ],
  ),
  policy(
    'warnings-need-a-person',
    'What an import was warned about is accepted by a person: no app confirms one, not even its own.',
    ['forbid (principal is App, action == Action::"import.confirm", resource);'],
  ),
]

/** The text of a built-in policy as people read it. */
export function textOf(policy: BuiltInPolicy): string {
  return policy.statements.map((statement) => statement.text).join('\n\n')
}
