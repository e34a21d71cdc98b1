import type { Tensors } from '../../../shared/domain/tensor'
import { packTensorPieces } from '../../../shared/domain/tensor-codec'
import { AppError } from '../../../shared/errors'
import { stackItems } from '../../runtimes/stack'
import type { RunHooks, RunOutcome, RunRequest } from '.'
import { areAlike, isSame } from './alike'
import { expectReply, readItem, readPackedItems } from './answers'
import type { Connection } from './connection'

type Several = Extract<RunRequest, { kind: 'several' }>
type Synthetic = Extract<RunRequest, { kind: 'synthetic' }>
type Outcome = Extract<RunOutcome, { kind: 'several' }>
type Result = Outcome['results'][number]

/**
 * @param inWords how the runtime's error is put to people
 * @throws as an `infer` does, but for what concerns one request alone: that is its result
 */
export async function runSeveral(
  connection: Connection,
  { requests, stack }: Several,
  hooks: RunHooks,
  inWords: (error: AppError) => AppError,
): Promise<Outcome> {
  const items = requests.flatMap((request) => (request.kind === 'infer' ? [request.inputs] : []))
  const loads = requests.flatMap((request) => (request.kind === 'synthetic' ? [request] : []))
  const outcome =
    loads.length > 0 ? await runLoads(connection, loads) : await runItems(connection, items, stack, hooks)
  hooks.signal.throwIfAborted()
  const results = outcome.results.map((result) =>
    'error' in result ? { error: inWords(result.error) } : result,
  )
  return { ...outcome, results }
}

async function runItems(
  connection: Connection,
  items: readonly Tensors[],
  stack: Several['stack'],
  hooks: RunHooks,
): Promise<Outcome> {
  if (stack !== 'check') return runInOne(connection, items, stack === 'yes', hooks)
  if (!wouldTell(items)) return runInOne(connection, items, false, hooks)
  const single = await runInOne(connection, items, false, hooks)
  if (single.results.some((result) => 'error' in result)) return single
  const stacked = await runInOne(connection, items, true, hooks)
  const alike = !stacked.fellApart && areAlike(outputsOf(stacked.results), outputsOf(single.results))
  return { ...single, stacked: { alike, computeMs: stacked.computeMs } }
}

/** Of items that cannot be stacked, or are the same, a stack gives the same answers whatever it mixes up. */
function wouldTell(items: readonly Tensors[]): boolean {
  const [first, ...others] = items
  return first !== undefined && others.some((item) => !isSame(first, item)) && stackItems(items) !== null
}

/** What a runtime says of an input; all else ends the worker, and is nobody's failure. */
function concernsInput(error: unknown): error is AppError {
  return (
    error instanceof AppError &&
    (error.code === 'compute.runtime_failed' || error.code === 'compute.invalid_input')
  )
}

/** A run fails as a whole: then each is run by itself, and only the culprit fails. */
async function runInOne(
  connection: Connection,
  items: readonly Tensors[],
  stacked: boolean,
  { signal }: RunHooks,
): Promise<Outcome & { fellApart?: true }> {
  try {
    const work = { type: 'run' as const, stack: stacked ? items.length : 1 }
    const answer = await connection.request(work, packTensorPieces(items))
    const { outputs, computeMs } = readPackedItems(answer, items.length)
    return { kind: 'several', computeMs, results: outputs.unpack().map((tensors) => ({ outputs: tensors })) }
  } catch (error) {
    if (!concernsInput(error)) throw error
  }
  const results: Result[] = []
  let computeMs = 0
  for (const item of items) {
    signal.throwIfAborted()
    try {
      const one = readItem(await connection.request({ type: 'run', stack: 1 }, packTensorPieces([item])))
      computeMs += one.computeMs
      results.push({ outputs: one.outputs })
    } catch (error) {
      if (!concernsInput(error)) throw error
      results.push({ error })
    }
  }
  return { kind: 'several', computeMs, results, fellApart: true }
}

async function runLoads(connection: Connection, loads: readonly Synthetic[]): Promise<Outcome> {
  const asked = connection.atOnce(() =>
    loads.map(({ durationMs, busy, fail }) =>
      connection.request({ type: 'synthetic', durationMs, busy, fail }),
    ),
  )
  const answers = await Promise.all(asked)
  const computeMs = answers.reduce((sum, answer) => sum + expectReply(answer, 'done').computeMs, 0)
  return { kind: 'several', computeMs, results: answers.map(() => ({ outputs: {} })) }
}

function outputsOf(results: readonly Result[]): Tensors[] {
  return results.flatMap((result) => ('error' in result ? [] : [result.outputs]))
}
