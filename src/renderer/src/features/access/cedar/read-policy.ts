import type { Principal } from '@shared/contract'
import { type Token, tokensOf } from './tokens'
import { principalUid, type Uid, unquote } from './uid'

/** Whom or what the head of a statement names. `is` names a type: every app, every model. */
export type Scope =
  | { op: 'any' }
  | { op: '==' | 'in'; uids: readonly Uid[] }
  | { op: 'is'; type: string; within: Uid | null }

/** One `permit` or `forbid`, as far as its head tells. */
export interface StatementView {
  effect: 'permit' | 'forbid'
  principal: Scope
  action: Scope
  resource: Scope
  /** `own`: only what belongs to the principal itself. `other`: conditions that only the engine can decide. */
  condition: 'none' | 'own' | 'other'
}

class Unreadable extends Error {}

/** The statements of a policy, or null where the text is not understood (it may still be valid Cedar). */
export function readPolicy(text: string): StatementView[] | null {
  const tokens = tokensOf(text).filter(({ kind }) => kind !== 'space' && kind !== 'comment')
  const reader = new Reader(tokens)
  try {
    const statements: StatementView[] = []
    while (!reader.ended) statements.push(readStatement(reader))
    return statements
  } catch (error) {
    if (error instanceof Unreadable) return null
    throw error
  }
}

class Reader {
  #at = 0
  constructor(readonly tokens: readonly Token[]) {}

  get ended(): boolean {
    return this.#at >= this.tokens.length
  }
  peek(): string {
    return this.tokens[this.#at]?.text ?? ''
  }
  next(): Token {
    const token = this.tokens[this.#at++]
    if (!token) throw new Unreadable()
    return token
  }
  take(text: string): boolean {
    if (this.peek() !== text) return false
    this.#at++
    return true
  }
  expect(text: string): void {
    if (!this.take(text)) throw new Unreadable()
  }
}

function readStatement(reader: Reader): StatementView {
  while (reader.take('@')) {
    reader.next()
    if (!reader.take('(')) continue
    reader.next()
    reader.expect(')')
  }
  const effect = reader.next().text
  if (effect !== 'permit' && effect !== 'forbid') throw new Unreadable()
  reader.expect('(')
  const principal = readScope(reader, 'principal')
  reader.expect(',')
  const action = readScope(reader, 'action')
  reader.expect(',')
  const resource = readScope(reader, 'resource')
  reader.take(',')
  reader.expect(')')
  const conditions: string[] = []
  while (!reader.take(';')) {
    const word = reader.next().text
    if (word !== 'when' && word !== 'unless') throw new Unreadable()
    conditions.push(`${word} ${readBlock(reader)}`)
  }
  const isOwn = conditions.length === 1 && conditions[0] === OWN
  return {
    effect,
    principal,
    action,
    resource,
    condition: conditions.length === 0 ? 'none' : isOwn ? 'own' : 'other',
  }
}

const OWN = 'when resource . owner == principal . id'

function readBlock(reader: Reader): string {
  reader.expect('{')
  const words: string[] = []
  for (let depth = 1; depth > 0; ) {
    const { text } = reader.next()
    if (text === '{') depth++
    if (text === '}') depth--
    words.push(text)
  }
  return words.slice(0, -1).join(' ')
}

function readScope(reader: Reader, variable: string): Scope {
  reader.expect(variable)
  if (reader.take('==')) return { op: '==', uids: [readUid(reader)] }
  if (reader.take('in')) return { op: 'in', uids: readUids(reader) }
  if (!reader.take('is')) return { op: 'any' }
  const type = reader.next().text
  return { op: 'is', type, within: reader.take('in') ? readUid(reader) : null }
}

function readUids(reader: Reader): Uid[] {
  if (!reader.take('[')) return [readUid(reader)]
  const uids: Uid[] = []
  while (!reader.take(']')) {
    if (uids.length > 0) reader.expect(',')
    if (reader.take(']')) break
    uids.push(readUid(reader))
  }
  return uids
}

function readUid(reader: Reader): Uid {
  let type = reader.next().text
  for (;;) {
    reader.expect('::')
    const token = reader.next()
    if (token.kind === 'string') {
      const id = unquote(token.text)
      if (id === null) throw new Unreadable()
      return { type, id }
    }
    type += `::${token.text}`
  }
}

/** Whether the head of a statement lets it apply to a principal. */
export function concerns(
  statement: Pick<StatementView, 'principal'>,
  principal: Pick<Principal, 'kind' | 'id' | 'roles'>,
): boolean {
  const own = principalUid(principal)
  const within = (uid: Uid) =>
    uid.type === 'Role'
      ? principal.roles.some((role) => role === uid.id)
      : uid.type === own.type && uid.id === own.id
  const scope = statement.principal
  if (scope.op === 'any') return true
  if (scope.op === 'is') return scope.type === own.type && (scope.within === null || within(scope.within))
  return scope.uids.some((uid) => (scope.op === 'in' || uid.type !== 'Role') && within(uid))
}
