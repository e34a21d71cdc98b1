import { PackedItems } from '../../../shared/domain/packed-items'
import type { Tensors } from '../../../shared/domain/tensor'
import { formatBytes } from '../../../shared/domain/units'
import { AppError } from '../../../shared/errors'
import { ProtocolError } from '../../runtimes/frames'
import type { Reply } from '../../runtimes/protocol'
import type { FinalReply } from './connection'

export type Answered = { answer: FinalReply } | { error: unknown }

/** The worker stopped because it was asked to. */
export class WorkerCancelled extends Error {
  override readonly name = 'WorkerCancelled'
}

/** What is read here is read by the thread that serves everybody, so that a worker must not give it work without end. */
const HEADER = { bytes: 2 ** 20, bytesPerItem: 4096, mostBytes: 2 ** 22 }
const TEXT = { bytes: 2 ** 21, bytesPerItem: 65_536, mostBytes: 2 ** 26 }

/**
 * The items of a `done`.
 * @throws as {@link expectReply}; ProtocolError for a body that is not what was asked for; AppError `compute.invalid_input` for
 * more text than is read here
 */
export function readPackedItems(
  answer: FinalReply,
  count: number,
): { outputs: PackedItems; computeMs: number } {
  const read = parseItems(answer, count)
  // What a worker says of strings is not believed either.
  if (read.outputs.stringBytes > 0) believing(() => read.outputs.unpack())
  return read
}

/** As {@link readPackedItems}, for one item. */
export function readItem(answer: FinalReply): { outputs: Tensors; computeMs: number } {
  const { outputs, computeMs } = parseItems(answer, 1)
  return { outputs: believing(() => outputs.unpack())[0] ?? {}, computeMs }
}

/** Sizes are checked, the insides of strings are not. */
function parseItems(answer: FinalReply, count: number): { outputs: PackedItems; computeMs: number } {
  const { computeMs } = expectReply(answer, 'done')
  const outputs = believing(() => PackedItems.parse(answer.body, mostFor(count, HEADER)))
  // Before they are unpacked: a few bytes can claim a million items without any.
  if (outputs.count !== count) {
    throw new ProtocolError(`${outputs.count} items where ${count} were asked for.`)
  }
  const mostText = mostFor(count, TEXT)
  if (outputs.stringBytes > mostText) {
    const bytes = `${formatBytes(outputs.stringBytes)} of text, and ${formatBytes(mostText)} are the most`
    throw new AppError('compute.invalid_input', `The model answers with ${bytes}. Ask it for less at once.`)
  }
  return { outputs, computeMs }
}

const mostFor = (items: number, { bytes, bytesPerItem, mostBytes }: typeof HEADER) =>
  Math.min(mostBytes, bytes + items * bytesPerItem)

function believing<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new ProtocolError('Outputs that cannot be read.', { cause: error })
  }
}

/** @throws AppError for `failed`, in the runtime's words; WorkerCancelled */
export function expectReply<Type extends Reply['type']>(
  { reply }: FinalReply,
  type: Type,
): Extract<Reply, { type: Type }> {
  if (isReply(reply, type)) return reply
  if (reply.type === 'failed') {
    const code = reply.reason === 'input' ? 'compute.invalid_input' : 'compute.runtime_failed'
    throw new AppError(code, reply.message)
  }
  if (reply.type === 'cancelled') throw new WorkerCancelled('The worker stopped, as it was asked to.')
  throw new ProtocolError(`The answer "${reply.type}" where "${type}" was asked for.`)
}

function isReply<Type extends Reply['type']>(
  reply: Reply,
  type: Type,
): reply is Extract<Reply, { type: Type }> {
  return reply.type === type
}
