import { PackedItems } from '../../../shared/domain/packed-items'
import type { RunHooks, RunRequest } from '.'
import type { Answered } from './answers'
import { readPackedItems } from './answers'
import type { Connection, FinalReply } from './connection'

/** One group runs while the next ones are already with the worker: it never waits for us. */
const DEPTH = 3
const GROUP_ITEMS = 256
const GROUP_BYTES = 4 * 2 ** 20
const GROUP_MS = 250
/** Of outputs, which may be far larger than the inputs: they lie in the memory of the system until they are stored. */
const OUTPUT_BYTES = 16 * 2 ** 20
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

  learn(items: number, computeMs: number, outputBytes: number): void {
    const inTime = Math.floor((items * GROUP_MS) / computeMs)
    const inBytes = Math.floor((items * OUTPUT_BYTES) / outputBytes)
    // What takes nothing divides by zero: any number of it fits.
    this.#items = Math.max(1, Math.min(GROUP_ITEMS, inTime, inBytes, this.#items * GROWTH))
  }
}

/** How many of the first items go together: whole stacks of `stack` items where the bytes allow. */
export function groupSize(items: PackedItems, wanted: number, stack: number): number {
  const most = wholeStacks(wanted, stack)
  const count = Math.max(1, items.fitting(stack, STACK_BYTES), items.fitting(most, GROUP_BYTES))
  return count > stack ? count - (count % stack) : count
}

function wholeStacks(wanted: number, stack: number): number {
  return Math.ceil(wanted / stack) * stack
}

/** Hands out the items of parts in groups; reads one part ahead. */
export class Feed {
  readonly #parts: AsyncIterator<PackedItems>
  #ahead: Promise<IteratorResult<PackedItems>>
  #held = PackedItems.none
  #ended = false

  constructor(parts: BatchRequest['parts']) {
    this.#parts = iterate(parts)
    this.#ahead = this.#read()
  }

  /** The next group; null when there are no more. @throws what the reading throws */
  async next(wanted: number, stack: number): Promise<PackedItems | null> {
    while (!this.#ended && this.#hasRoom(wanted, stack)) {
      const read = await this.#ahead
      if (read.done) {
        this.#ended = true
        break
      }
      this.#held = PackedItems.join([this.#held, read.value])
      this.#ahead = this.#read()
    }
    if (this.#held.count === 0) return null
    const count = groupSize(this.#held, wanted, stack)
    const group = this.#held.slice(0, count)
    this.#held = this.#held.slice(count)
    return group
  }

  async end(): Promise<void> {
    await this.#parts.return?.()
  }

  /** All that is held would go, and more could. */
  #hasRoom(wanted: number, stack: number): boolean {
    const { count } = this.#held
    return count < wholeStacks(wanted, stack) && groupSize(this.#held, wanted, stack) >= count
  }

  #read(): Promise<IteratorResult<PackedItems>> {
    const reading = this.#parts.next()
    // Nobody may come for it any more: then it is no failure of the batch.
    reading.catch(() => undefined)
    return reading
  }
}

async function* iterate(parts: BatchRequest['parts']): AsyncGenerator<PackedItems> {
  yield* parts
}

/**
 * Runs the items of a batch from `startAt` on. The worker always has the next groups; finished groups are reported in
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
  const feed = new Feed(request.parts)
  const groups: Group[] = []
  let next = request.startAt
  let computeMs = 0
  let reportedAt = 0

  const fill = async () => {
    while (groups.length < DEPTH && !hooks.signal.aborted) {
      const group = await feed.next(size.items, batchSize)
      if (!group || hooks.signal.aborted) return
      const answer = connection.request({ type: 'run', stack: batchSize }, group.toPieces())
      groups.push({ startAt: next, count: group.count, settled: settle(answer) })
      next += group.count
    }
  }

  try {
    await fill()
    for (let group = groups.shift(); group; group = groups.shift()) {
      const answered = await group.settled
      if ('error' in answered) throw answered.error
      const { outputs, computeMs: took } = readPackedItems(answered.answer, group.count)
      size.learn(group.count, took, outputs.byteLength)
      computeMs += took
      await fill()
      await hooks.onItems(group.startAt, outputs, computeMs)
      const now = performance.now()
      const done = group.startAt + group.count
      if (now - reportedAt >= PROGRESS_EVERY_MS || done === items) {
        reportedAt = now
        hooks.onProgress(done / items)
      }
    }
    return computeMs
  } finally {
    await feed.end()
  }
}

function settle(answer: Promise<FinalReply>): Promise<Answered> {
  return answer.then(
    (value) => ({ answer: value }),
    (error: unknown) => ({ error }),
  )
}
