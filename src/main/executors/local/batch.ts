import { DTYPE_BYTES, elementCount, type Tensors } from '../../../shared/domain/tensor'
import { packTensorPieces } from '../../../shared/domain/tensor-codec'
import type { RunHooks, RunRequest } from '.'
import type { Answered } from './answers'
import { readItems } from './answers'
import type { Connection, FinalReply } from './connection'

/** One group runs while the next is already with the worker. */
const DEPTH = 2
const GROUP_ITEMS = 256
const GROUP_BYTES = 4 * 2 ** 20
const GROUP_MS = 250
/** Items that are to run together stay together up to here. */
const STACK_BYTES = 256 * 2 ** 20
/** From one group to the next, so that one quick item does not promise that all are. */
const GROWTH = 4
const PROGRESS_EVERY_MS = 100

type BatchRequest = Extract<RunRequest, { kind: 'batch' }>

interface Group {
  startAt: number
  count: number
  /** Never rejects: it may wait here for its turn. */
  settled: Promise<Answered>
}

/** How many items go to the worker at once: little enough to stop soon, enough that the worker never waits. */
export class GroupSize {
  #items = 1

  get items(): number {
    return this.#items
  }

  learn(items: number, computeMs: number): void {
    const each = computeMs / Math.max(1, items)
    const fitting = each > 0 ? Math.floor(GROUP_MS / each) : GROUP_ITEMS
    this.#items = Math.max(1, Math.min(GROUP_ITEMS, fitting, this.#items * GROWTH))
  }
}

/** The end of the group that begins at `from`: whole stacks of `stack` items where the bytes allow. */
export function groupEnd(items: readonly Tensors[], from: number, wanted: number, stack: number): number {
  const most = Math.ceil(wanted / stack) * stack
  let bytes = 0
  let to = from
  while (to < items.length && to - from < most) {
    bytes += bytesOfItem(items[to] ?? {})
    const limit = to - from < stack ? STACK_BYTES : GROUP_BYTES
    if (to > from && bytes > limit) break
    to++
  }
  return to
}

function bytesOfItem(item: Tensors): number {
  let bytes = 0
  for (const tensor of Object.values(item)) {
    if (tensor.dtype !== 'string') bytes += elementCount(tensor.shape) * DTYPE_BYTES[tensor.dtype]
    else for (const text of tensor.strings) bytes += 4 + text.length * 3
  }
  return bytes
}

/**
 * Runs the items of a batch from `startAt` on. The worker always has the next group; finished groups are reported in
 * their order, the next not before the last report is done.
 * @param size what earlier batches of the same engine taught
 * @returns milliseconds the worker computed
 */
export async function runBatch(
  connection: Connection,
  request: BatchRequest,
  hooks: RunHooks,
  size: GroupSize,
): Promise<number> {
  const { items, batchSize } = request
  const groups: Group[] = []
  let next = request.startAt
  let computeMs = 0
  let reportedAt = 0

  const fill = () => {
    while (groups.length < DEPTH && next < items.length && !hooks.signal.aborted) {
      const end = groupEnd(items, next, size.items, batchSize)
      const body = packTensorPieces(items.slice(next, end))
      const answer = connection.request({ type: 'run', stack: batchSize }, body)
      groups.push({ startAt: next, count: end - next, settled: settle(answer) })
      next = end
    }
  }

  fill()
  for (let group = groups.shift(); group; group = groups.shift()) {
    const answered = await group.settled
    if ('error' in answered) throw answered.error
    const { outputs, computeMs: took } = readItems(answered.answer, group.count)
    size.learn(group.count, took)
    computeMs += took
    fill()
    await hooks.onItems(group.startAt, outputs)
    const now = performance.now()
    const done = group.startAt + group.count
    if (now - reportedAt >= PROGRESS_EVERY_MS || done === items.length) {
      reportedAt = now
      hooks.onProgress(done / items.length)
    }
  }
  return computeMs
}

function settle(answer: Promise<FinalReply>): Promise<Answered> {
  return answer.then(
    (value) => ({ answer: value }),
    (error: unknown) => ({ error }),
  )
}
