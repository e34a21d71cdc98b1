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
import type { Disposable } from '../../platform/events'
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
const IDLE_MS = 30_000
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
  readonly #clock: Clock
  #worker: Worker | null = null
  #cancelIdle: () => void = () => undefined
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(clock: Clock) {
    this.#clock = clock
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
    const turn = this.#last.then(() => this.#check(id, text))
    this.#last = turn.catch(() => undefined)
    try {
      return await turn
    } catch (error) {
      if (error instanceof TooComplex) return { problems: [problem(error.message)], statements: [] }
      throw error
    } finally {
      this.#waiting--
    }
  }

  async dispose(): Promise<void> {
    await this.#end()
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
  #call<Name extends keyof CedarAnswers>(name: Name, inputs: unknown[]): Promise<CedarAnswers[Name][]> {
    this.#cancelIdle()
    const worker = this.#worker ?? this.#begin()
    return new Promise<CedarAnswers[Name][]>((resolve, reject) => {
      const fail = (error: Error) => {
        settle()
        void this.#end()
        reject(error)
      }
      const cancelTimeout = this.#clock.setTimer(TIMEOUT_MS, () =>
        fail(new TooComplex('it takes too long to check: write it as several smaller policies')),
      )
      const onMessage = (answers: CedarAnswers[Name][]) => {
        settle()
        this.#cancelIdle = this.#clock.setTimer(IDLE_MS, () => void this.#end())
        resolve(answers)
      }
      const onError = (error: unknown) => fail(translate(error))
      const onExit = () =>
        fail(new AppError('internal', 'The check of the policy was interrupted. Try again.'))
      const settle = () => {
        worker.unref()
        cancelTimeout()
        worker.off('message', onMessage).off('error', onError).off('exit', onExit)
      }
      worker.on('message', onMessage).on('error', onError).on('exit', onExit)
      // Who waits for an answer keeps the process alive; an idle thread does not.
      worker.ref()
      worker.postMessage(inputs.map((input) => [name, input]))
    })
  }

  #begin(): Worker {
    // A smaller stack than the main thread has: what is too deep for that one must already fail here.
    const worker = new Worker(THREAD, {
      eval: true,
      workerData: cedarPath(),
      resourceLimits: { stackSizeMb: 0.75 },
    })
    // A thread that ends while nobody waits is no news; without a listener its error would end the process.
    worker.on('error', () => {
      if (this.#worker === worker) this.#worker = null
    })
    this.#worker = worker
    return worker
  }

  async #end(): Promise<void> {
    this.#cancelIdle()
    const worker = this.#worker
    this.#worker = null
    await worker?.terminate()
  }
}

/** Where brackets, outside strings and comments, first lie too deep. */
function placeOfDeepBracket(text: string): { line: number; column: number } | null {
  let depth = 0
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"|\/\/[^\n]*|[([{]|[)\]}]/gs)) {
    if ('([{'.includes(match[0])) depth++
    else if (')]}'.includes(match[0])) depth--
    if (depth > MAX_BRACKETS) return positionAt(text, match.index)
  }
  return null
}

class TooComplex extends Error {}

/** Running out of stack, of the engine's or of the thread's, is the text's fault. */
function translate(error: unknown): Error {
  const name = error instanceof Error ? error.name : ''
  const code = (error as NodeJS.ErrnoException | null)?.code
  if (name === 'RangeError' || name === 'RuntimeError' || code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return new TooComplex('it is nested too deeply: write it as several smaller policies')
  }
  return new AppError('internal', 'The policy could not be checked.', {}, { cause: error })
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
