import { PackedItems } from '../../../shared/domain/packed-items'
import type { Tensors } from '../../../shared/domain/tensor'
import { AppError } from '../../../shared/errors'
import { ProtocolError } from '../../runtimes/frames'
import type { Reply } from '../../runtimes/protocol'
import type { FinalReply } from './connection'

export type Answered = { answer: FinalReply } | { error: unknown }

/** The worker stopped because it was asked to. */
export class WorkerCancelled extends Error {
  override readonly name = 'WorkerCancelled'
}

/** The items of a `done`. @throws as {@link expectReply}; ProtocolError for a body that is not what was asked for */
export function readPackedItems(
  answer: FinalReply,
  count: number,
): { outputs: PackedItems; computeMs: number } {
  const { computeMs } = expectReply(answer, 'done')
  const outputs = believing(() => PackedItems.parse(answer.body))
  // Before they are unpacked: a few bytes can claim a million items without any.
  if (outputs.count !== count) {
    throw new ProtocolError(`${outputs.count} items where ${count} were asked for.`)
  }
  // What a worker says of strings is not believed either.
  if (outputs.hasStrings) believing(() => outputs.unpack())
  return { outputs, computeMs }
}

/** As {@link readPackedItems}, for one item. */
export function readItem(answer: FinalReply): { outputs: Tensors; computeMs: number } {
  const { outputs, computeMs } = readPackedItems(answer, 1)
  return { outputs: outputs.unpack()[0] ?? {}, computeMs }
}

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
