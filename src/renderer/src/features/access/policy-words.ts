import type { Policy, Principal, Role } from '@shared/contract'
import { isAction } from '@shared/domain/actions'
import type { TFunction } from 'i18next'
import { concerns, readPolicy, type Scope, type StatementView } from './cedar/read-policy'
import type { Uid } from './cedar/uid'

type Words = TFunction<'access'>

const ROLES: readonly Role[] = ['owner', 'operator', 'viewer', 'app']

/** The words of an action, to follow `may`; an action that is none is its own word. */
export function actionWords(t: Words, action: string): string {
  if (action === 'model.run') return t('runModels')
  return isAction(action) ? t(`action.${action}`) : action
}

/** `run silero-vad@production`: an action with what it is about. */
export function attemptWords(t: Words, action: string, resource: Uid | null): string {
  return aboutWords(t, action, !resource || resource.type === 'System' ? '' : resource.id)
}

function aboutWords(t: Words, action: string, about: string): string {
  if (about === '') return actionWords(t, action)
  return action === 'model.run' ? `${t('action.model.run')} ${about}` : `${actionWords(t, action)}: ${about}`
}

function whoWords(t: Words, scope: Scope, nameOf: (id: string) => string): string | null {
  if (scope.op === 'any') return t('policies.everyone')
  if (scope.op === 'is') {
    if (scope.within) return null
    return scope.type === 'App'
      ? t('policies.everyApp')
      : scope.type === 'User'
        ? t('policies.everyPerson')
        : null
  }
  const names = scope.uids.map((uid) => {
    const role = uid.type === 'Role' ? ROLES.find((name) => name === uid.id) : undefined
    return role ? t(`policies.roles.${role}`) : nameOf(uid.id)
  })
  return names.join(t('policies.listSeparator'))
}

function resourceWords(t: Words, scope: Scope): string {
  if (scope.op === 'any' || scope.op === 'is') return ''
  const names = scope.uids
    .filter(({ type }) => type !== 'System')
    .map(({ type, id }) =>
      type === 'Model' && scope.op === 'in' ? t('policies.everyVersion', { name: id }) : id,
    )
  return names.join(t('policies.listSeparator'))
}

const SHOWN_ACTIONS = 3

function whatWords(t: Words, { action, resource }: StatementView): string {
  const about = resourceWords(t, resource)
  if (action.op !== '==' && action.op !== 'in') {
    return about === '' ? t('policies.everything') : `${t('policies.everything')}: ${about}`
  }
  const all = action.uids.map(({ id }) => id)
  if (all.length === 1 && all[0] !== undefined) return aboutWords(t, all[0], about)
  const shown = all
    .slice(0, SHOWN_ACTIONS)
    .map((name) => actionWords(t, name))
    .join(t('policies.listSeparator'))
  const rest = all.length - SHOWN_ACTIONS
  const words = rest > 0 ? t('policies.andMore', { first: shown, count: rest }) : shown
  return about === '' ? words : `${words}: ${about}`
}

/** What one statement says, as a sentence; null where its head names what has no words. */
export function statementWords(
  t: Words,
  statement: StatementView,
  nameOf: (id: string) => string,
): string | null {
  const who = whoWords(t, statement.principal, nameOf)
  if (who === null) return null
  const key = statement.effect === 'permit' ? 'policies.may' : 'policies.mayNot'
  const sentence = t(key, { who, what: whatWords(t, statement) })
  if (statement.condition === 'none') return sentence
  return t(statement.condition === 'own' ? 'policies.ownOnly' : 'policies.conditional', { sentence })
}

/** Whom a policy concerns and how, in plain words; null when its text does not tell. */
export function policyWords(
  t: Words,
  policy: Pick<Policy, 'text'>,
  nameOf: (id: string) => string,
): string | null {
  const statements = readPolicy(policy.text)
  if (!statements || statements.length === 0) return null
  const sentences: string[] = []
  for (const statement of statements) {
    const words = statementWords(t, statement, nameOf)
    if (words === null) return null
    if (!sentences.includes(words)) sentences.push(words)
  }
  return sentences.reduce((first, second) => t('policies.join', { first, second }))
}

/** The statements of a policy that can apply to a principal; none where the text is not understood. */
export function statementsFor(policy: Pick<Policy, 'text'>, principal: Principal): StatementView[] {
  return (readPolicy(policy.text) ?? []).filter((statement) => concerns(statement, principal))
}

/** The policy that a deciding statement belongs to: `notes-silero#2` is of `notes-silero`. */
export function policyOfStatement(statement: string): string {
  return statement.split('#', 1)[0] ?? statement
}

const BUILT_IN = ['owner-all', 'operator-work', 'viewer-read', 'own-work', 'warnings-need-a-person'] as const

/** What a built-in policy is for, in the language of the person; its own description where it is new to the window. */
export function builtInWords(t: Words, policy: Pick<Policy, 'id' | 'description'>): string {
  const known = BUILT_IN.find((id) => id === policy.id)
  return known ? t(`policies.builtInText.${known}`) : policy.description
}
