import type { EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs'
import type { Role } from '../../../shared/contract'
import { ACTIONS, type ResourceType } from '../../../shared/domain/actions'
import { parseModelReference } from '../../../shared/domain/references'
import { AppError } from '../../../shared/errors'
import type { Resource } from '../index'
import { SYSTEM_ID } from './schema'

/** The principal as the policies see it; from the database, never from a request. */
export interface PolicyPrincipal {
  kind: 'user' | 'app'
  id: string
  name: string
  roles: readonly Role[]
}

/** Whether resources of this type belong to a principal. */
export function isOwned(type: ResourceType): boolean {
  return type === 'Job' || type === 'Lease' || type === 'Import'
}

export function principalUid(principal: Pick<PolicyPrincipal, 'kind' | 'id'>): TypeAndId {
  return { type: principal.kind === 'app' ? 'App' : 'User', id: principal.id }
}

export function resourceUid(resource: Resource): TypeAndId {
  return { type: resource.type, id: resource.type === 'System' ? SYSTEM_ID : resource.id }
}

/** The principal with its roles and the resource with its parents: all that a decision may look at. */
export function sliceEntities(principal: PolicyPrincipal, resource: Resource): EntityJson[] {
  const entities: EntityJson[] = [
    {
      uid: principalUid(principal),
      attrs: { id: principal.id, name: principal.name },
      parents: principal.roles.map((id) => ({ type: 'Role', id })),
    },
  ]
  const uid = resourceUid(resource)
  if (resource.type === 'Model' || resource.type === 'Dataset') entities.push({ uid, attrs: {}, parents: [] })
  if (isOwned(resource.type)) {
    // Nobody has the empty id: a resource whose owner is not known is nobody's.
    entities.push({ uid, attrs: { owner: resource.owner ?? '' }, parents: [] })
  }
  if (resource.type === 'ModelRef') {
    const model = resource.model ?? parseModelReference(resource.id)?.name ?? resource.id
    const version = Number.isSafeInteger(resource.version) ? resource.version : undefined
    entities.push({
      uid,
      attrs: version === undefined ? { model } : { model, version },
      parents: [{ type: 'Model', id: model }],
    })
  }
  return entities
}

/** Half of a surrogate pair: text that has no UTF-8 form, which neither the engine nor the database can hold. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

/** `Type::"id"` as Cedar writes it. For people and for the audit log; decisions use the JSON form. */
export function formatUid({ type, id }: TypeAndId): string {
  const escaped = id.replace(/["\\]|\p{C}/gu, (character) => {
    if (character === '"' || character === '\\') return `\\${character}`
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
  return `${type}::"${escaped}"`
}

const RESOURCE_TYPES = [...new Set(Object.values(ACTIONS))]
const ESCAPES: Record<string, string> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  '"': '"',
  "'": "'",
  '\\': '\\',
}

/** The inverse of {@link formatUid} for resources. @throws AppError `system.invalid` */
export function parseResource(text: string): Resource {
  const match = /^\s*([A-Za-z]+)\s*::\s*"((?:[^"\\]|\\u\{[0-9a-fA-F]{1,6}\}|\\[nrt0"'\\])*)"\s*$/.exec(text)
  const type = RESOURCE_TYPES.find((known) => known === match?.[1])
  if (!match || !type) {
    throw invalid(`Write the resource as Type::"id", where Type is one of ${RESOURCE_TYPES.join(', ')}.`)
  }
  const id = (match[2] ?? '').replace(
    /\\(?:u\{([0-9a-fA-F]+)\}|(.))/g,
    (_all, code: string | undefined, letter: string) => {
      if (code === undefined) return ESCAPES[letter] ?? letter
      const point = Number.parseInt(code, 16)
      if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        throw invalid(`\\u{${code}} is not a character.`)
      return String.fromCodePoint(point)
    },
  )
  if (type === 'System' && id !== SYSTEM_ID)
    throw invalid(`There is one system: write System::"${SYSTEM_ID}".`)
  return { type, id }
}

function invalid(message: string): AppError {
  return new AppError('system.invalid', message, { field: 'resource' })
}
