import { Worker } from 'node:worker_threads'
import type {
  CheckParseAnswer,
  PolicyJson,
  PolicySetTextToPartsAnswer,
  PolicyToJsonAnswer,
  ValidationAnswer,
} from '@cedar-policy/cedar-wasm/nodejs'
import type { PolicyProblem } from '../../../shared/contract'
import { AppError } from '../../../shared/errors'
import type { Clock } from '../../platform/clock'
import { codeOf } from '../../platform/error-code'
import type { Disposable } from '../../platform/events'
import { Thread, ThreadTimeout } from '../../platform/thread'
import { cedarPath } from './load'
import { positionAt, problemsOf } from './problems'
import { SCHEMA } from './schema'
import { principalKey, type Statement } from './statement'

export interface CheckedPolicy {
  /** Empty: the policy may come into force. */
  problems: PolicyProblem[]
  /** In the order of the text; empty when there are problems. */
  statements: Statement[]
}

const MAX_STATEMENTS = 500
/**
 * The engine is recursive on a small stack, and how much of it a level takes depends on how far V8 has compiled it. Each
 * of these limits lets pass a fifth, or less, of what was seen to break it: brackets, levels of the JSON form, clauses.
 */
const MAX_BRACKETS = 20
const MAX_DEPTH = 200
const MAX_CONDITIONS = 50
const TIMEOUT_MS = 5000
const MAX_WAITING = 16

/** Calls functions of the engine in a thread of its own. Text, so that it runs without a built file beside it. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const cedar = require(workerData)
parentPort.on('message', (calls) => parentPort.postMessage(calls.map(([name, input]) => cedar[name](input))))
`

interface CedarAnswers {
  validate: ValidationAnswer
  policySetTextToParts: PolicySetTextToPartsAnswer
  policyToJson: PolicyToJsonAnswer
  checkParseSchema: CheckParseAnswer
}

/**
 * Checks policy texts against the schema in a thread: a text may be hostile, and 2 kB of brackets are enough to break
 * the engine for good. There it costs a thread; the engine that decides, and the event loop, never see such a text.
 */
export class PolicyChecker implements Disposable {
  readonly #thread: Thread<[keyof CedarAnswers, unknown][], unknown[]>
  #waiting = 0

  constructor(clock: Clock) {
    this.#thread = new Thread(begin, clock)
  }

  /** @throws AppError `network.rate_limited` when too many checks are waiting */
  async check(id: string, text: string): Promise<CheckedPolicy> {
    if (this.#waiting >= MAX_WAITING) {
      throw new AppError(
        'network.rate_limited',
        'Too many policies are being checked. Try again in a second.',
        {
          retryAfterMs: 1000,
        },
      )
    }
    this.#waiting++
    try {
      return await this.#check(id, text)
    } catch (error) {
      if (error instanceof TooComplex) return { problems: [problem(error.message)], statements: [] }
      throw error
    } finally {
      this.#waiting--
    }
  }

  dispose(): Promise<void> {
    return this.#thread.dispose()
  }

  async #check(id: string, text: string): Promise<CheckedPolicy> {
    const tooDeep = placeOfDeepBracket(text)
    if (tooDeep)
      return {
        problems: [{ message: `brackets are nested more than ${MAX_BRACKETS} deep`, ...tooDeep }],
        statements: [],
      }
    const call = {
      schema: SCHEMA,
      validationSettings: { mode: 'strict' },
      policies: { staticPolicies: text },
    }
    const [validation] = await this.#call('validate', [call])
    const problems = validation ? problemsOf(text, validation) : []
    if (problems.length > 0) return { problems, statements: [] }
    const [parts] = await this.#call('policySetTextToParts', [text])
    if (parts?.type !== 'success')
      return { problems: [problem('the text cannot be split into policies')], statements: [] }
    const texts = inTextOrder(parts.policies)
    if (texts.length === 0)
      return {
        problems: [problem('the text holds no policy: write permit (...) or forbid (...)')],
        statements: [],
      }
    if (texts.length > MAX_STATEMENTS) {
      return {
        problems: [
          problem(`${texts.length} statements are too many for one policy; the most is ${MAX_STATEMENTS}`),
        ],
        statements: [],
      }
    }
    const jsons = (await this.#call('policyToJson', texts)).map((answer) =>
      answer.type === 'success' ? answer.json : null,
    )
    return readStatements(id, texts, jsons)
  }

  /** One function for many inputs. */
  async #call<Name extends keyof CedarAnswers>(name: Name, inputs: unknown[]): Promise<CedarAnswers[Name][]> {
    const calls = inputs.map((input): [Name, unknown] => [name, input])
    try {
      return (await this.#thread.ask(calls, { timeoutMs: TIMEOUT_MS })) as CedarAnswers[Name][]
    } catch (error) {
      throw translate(error)
    }
  }
}

function begin(): Worker {
  // A smaller stack than the main thread has: what is too deep for that one must already fail here.
  const resourceLimits = { stackSizeMb: 0.75 }
  return new Worker(THREAD, { eval: true, workerData: cedarPath(), resourceLimits })
}

/** Where brackets, outside strings and comments, first lie too deep. */
function placeOfDeepBracket(text: string): { line: number; column: number } | null {
  let depth = 0
  // A string that does not end is the rest of the text: looked for anew at each quote, its end would take minutes.
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*(?:"|\\?$)|\/\/[^\n]*|[([{]|[)\]}]/gs)) {
    if ('([{'.includes(match[0])) depth++
    else if (')]}'.includes(match[0])) depth--
    if (depth > MAX_BRACKETS) return positionAt(text, match.index)
  }
  return null
}

class TooComplex extends Error {}

/** Running out of stack, of the engine's or of the thread's, is the text's fault. */
function translate(error: unknown): Error {
  if (error instanceof ThreadTimeout)
    return new TooComplex('it takes too long to check: write it as several smaller policies')
  const name = error instanceof Error ? error.name : ''
  const code = codeOf(error)
  if (name === 'RangeError' || name === 'RuntimeError' || code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new TooComplex('it is nested too deeply: write it as several smaller policies')
  }
  return new AppError('internal', 'The policy could not be checked. Try again.', {}, { cause: error })
}

/** The engine calls the statements policy0, policy1, ... and sorts these names as text. */
function inTextOrder(parts: string[]): string[] {
  const names = parts.map((_text, index) => `policy${index}`).sort()
  const byName = new Map(names.map((name, index) => [name, parts[index] ?? '']))
  return parts.map((_text, index) => byName.get(`policy${index}`) ?? '')
}

function readStatements(policy: string, texts: string[], jsons: (PolicyJson | null)[]): CheckedPolicy {
  const statements: Statement[] = []
  const problems: PolicyProblem[] = []
  for (const [index, text] of texts.entries()) {
    const json = jsons[index]
    if (!json || json.conditions.length > MAX_CONDITIONS || depthOf(json) > MAX_DEPTH) {
      const hint = 'use a set, as in ["a", "b"].contains(resource.model), or several policies'
      problems.push(problem(`statement ${index + 1} is nested too deeply: ${hint}`))
      continue
    }
    const name = json.annotations?.['id']
    if (name !== undefined && !/^[A-Za-z][\w.-]{0,62}$/.test(name)) {
      problems.push(
        problem(
          `statement ${index + 1}: @id takes 1-63 letters, digits, dots and dashes, beginning with a letter`,
        ),
      )
      continue
    }
    const id = index === 0 ? policy : `${policy}#${name ?? index + 1}`
    if (statements.some((other) => other.id === id))
      problems.push(problem(`two statements have @id("${name}")`))
    const scope = json.principal
    const entity = scope.op === '==' && 'entity' in scope ? scope.entity : null
    const uid = entity === null ? null : '__entity' in entity ? entity.__entity : entity
    statements.push({
      id,
      text,
      effect: json.effect,
      principal: uid === null ? null : principalKey(uid.type, uid.id),
      names: [...entityTypes(json)],
    })
  }
  return problems.length > 0 ? { problems, statements: [] } : { problems, statements }
}

function problem(message: string): PolicyProblem {
  return { message, line: null, column: null }
}

/** Every value within `root` with its depth, without recursion. */
function* walk(root: unknown): Generator<{ value: object; depth: number }> {
  const open: { value: unknown; depth: number }[] = [{ value: root, depth: 1 }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next
    if (typeof value !== 'object' || value === null) continue
    yield { value, depth }
    for (const child of Object.values(value)) open.push({ value: child, depth: depth + 1 })
  }
}

function depthOf(root: unknown): number {
  let deepest = 0
  for (const { depth } of walk(root)) deepest = Math.max(deepest, depth)
  return deepest
}

/** Types of all `{type, id}` in the JSON form of a statement. */
function entityTypes(root: unknown): Set<string> {
  const types = new Set<string>()
  for (const { value } of walk(root)) {
    if ('type' in value && 'id' in value && typeof value.type === 'string') types.add(value.type)
  }
  return types
}
