import { formatUid, principalUid, quote, type Uid } from './uid'

/** What a person ticks in the form "What may it do?". */
export interface Grant {
  /** `name` for every version of a model, `name@alias` or `name@3` for one reference. */
  models: readonly string[]
  /** Read about those models: signature, versions, aliases. */
  readModels: boolean
  listModels: boolean
  /** Jobs without a model. */
  submitJobs: boolean
}

export const NO_GRANT: Grant = { models: [], readModels: true, listModels: false, submitJobs: false }

type Who = { kind: 'user' | 'app'; id: string }

/** Whether a grant allows anything at all. */
export function grantsAnything(grant: Grant): boolean {
  return grant.models.length > 0 || grant.listModels || grant.submitJobs
}

function permit(who: Who, action: string, resource: string): string {
  const lines = [`principal == ${formatUid(principalUid(who))}`, action, resource]
  return `permit (\n${lines.map((line) => `  ${line}`).join(',\n')}\n);`
}

function actionScope(actions: readonly string[]): string {
  const [first = '', ...rest] = actions.map((action) => `Action::${quote(action)}`)
  return rest.length === 0 ? `action == ${first}` : `action in [${[first, ...rest].join(', ')}]`
}

function comment(text: string): string {
  const line = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line === '' ? '' : `// ${line}\n`
}

function modelNames(grant: Grant): string[] {
  return [...new Set(grant.models.map((model) => model.split('@', 1)[0] ?? model))]
}

/**
 * The Cedar text of a grant: one permit for each model or reference, so that the audit log says which of them decided.
 * @param about one line that says it in words, for the head of the text
 */
export function grantPolicy(who: Who, grant: Grant, about: string): string {
  const statements = grant.models.map((model) =>
    model.includes('@')
      ? permit(who, actionScope(['model.run']), `resource == ${formatUid({ type: 'ModelRef', id: model })}`)
      : permit(who, actionScope(['model.run']), `resource in ${formatUid({ type: 'Model', id: model })}`),
  )
  if (grant.readModels) {
    for (const name of modelNames(grant)) {
      statements.push(
        permit(who, actionScope(['model.read']), `resource == ${formatUid({ type: 'Model', id: name })}`),
      )
    }
  }
  const onSystem = [...(grant.listModels ? ['model.list'] : []), ...(grant.submitJobs ? ['job.submit'] : [])]
  if (onSystem.length > 0) statements.push(permit(who, actionScope(onSystem), 'resource'))
  return `${comment(about)}${statements.join('\n\n')}\n`
}

/** The permit for exactly one principal, action and resource: what a denial asks for. */
export function exactPermit(who: Who, action: string, resource: Uid, about: string): string {
  return `${comment(about)}${permit(who, actionScope([action]), `resource == ${formatUid(resource)}`)}\n`
}

const MAX_ID = 63

/** A policy id that is not taken: the words in kebab case, then `-2`, `-3`, ... */
export function freePolicyId(words: string, taken: ReadonlySet<string>): string {
  const slug = words
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? '' : `-${number}`
    const id = `${slug.slice(0, MAX_ID - suffix.length).replace(/-+$/, '') || 'policy'}${suffix}`
    if (!taken.has(id)) return id
  }
}

/** A readable id for the policy of a grant: `notes-app-may-run-silero-vad-production`. */
export function grantPolicyId(who: Who, grant: Grant, taken: ReadonlySet<string>): string {
  const [first, ...rest] = grant.models
  const what =
    first !== undefined
      ? `run-${first}${rest.length > 0 ? `-and-${rest.length}-more` : ''}`
      : grant.submitJobs
        ? 'submit-jobs'
        : 'list-models'
  return freePolicyId(`${who.id}-may-${what}`, taken)
}

/** A readable id for {@link exactPermit}: `notes-app-may-model-run-ppocr-rec-5`. */
export function exactPermitId(who: Who, action: string, resource: Uid, taken: ReadonlySet<string>): string {
  const verb = action === 'model.run' ? 'run' : action
  return freePolicyId(`${who.id}-may-${verb}${resource.type === 'System' ? '' : `-${resource.id}`}`, taken)
}

/** The id that the system is going to give an app of this name, as far as the window can tell. */
export function likelyPrincipalId(name: string, taken: ReadonlySet<string>): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '')
  const base = slug === '' ? 'app' : slug
  for (let number = 1; ; number++) {
    const id = number === 1 ? base : `${base}-${number}`
    if (!taken.has(id)) return id
  }
}

/** The same text about another principal: for a text written before its app had an id. */
export function renamePrincipal(text: string, from: Who, to: Who): string {
  return from.id === to.id
    ? text
    : text.replaceAll(formatUid(principalUid(from)), formatUid(principalUid(to)))
}
