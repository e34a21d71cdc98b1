import { parentPort } from 'node:worker_threads'
import type { JsonTensor } from '../../../shared/domain/tensor'
import { fromJsonTensor, toJsonTensor } from '../../../shared/domain/tensor-codec'
import { AppError } from '../../../shared/errors'
import type { JsonAnswer } from './json-body'

/** Elements of bad tensors that cross one by one: some 3 ms of the event loop that takes them. */
const MOST_BAD_ELEMENTS = 10_000

// A thread that parses large bodies: `Uint8Array` in, `JsonAnswer` out.
parentPort?.on('message', (body: Uint8Array) => parentPort?.postMessage(answerTo(body)))

function answerTo(body: Uint8Array): JsonAnswer {
  try {
    return { value: packed(JSON.parse(new TextDecoder().decode(body))) }
  } catch (error) {
    if (error instanceof AppError) return { refused: error.toView() }
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * The same with its tensors as base64, which cross to the other thread a hundred times as fast as numbers. One that is
 * no good stays as it is, so that whoever knows which job it is of refuses it. By a list of its own: depth is the sender's
 * choice.
 * @throws AppError for one that is no good and too large to stay
 */
function packed(root: unknown): unknown {
  const holder = { root }
  let room = MOST_BAD_ELEMENTS
  const open: Record<string, unknown>[] = [holder]
  for (let at = open.pop(); at; at = open.pop()) {
    for (const [key, value] of Object.entries(at)) {
      if (isTensor(value)) {
        const result = packedTensor(key, value)
        if (result instanceof AppError) room -= value.data.length
        else at[key] = result
        if (room < 0) throw result
      } else if (typeof value === 'object' && value !== null) open.push(value as Record<string, unknown>)
    }
  }
  return holder.root
}

function isTensor(value: unknown): value is Extract<JsonTensor, { data: unknown }> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'dtype' in value &&
    'shape' in value &&
    'data' in value &&
    Array.isArray(value.data) &&
    Array.isArray(value.shape) &&
    Object.keys(value).length === 3
  )
}

/** An error for one that is no good. */
function packedTensor(name: string, tensor: Extract<JsonTensor, { data: unknown }>): JsonTensor | AppError {
  try {
    return toJsonTensor(fromJsonTensor(name, tensor), 'base64')
  } catch (error) {
    if (error instanceof AppError) return error
    // Of a type that there is not.
    if (error instanceof TypeError)
      return new AppError(
        'compute.invalid_input',
        `"${name}" is no tensor.`,
        { input: name },
        { cause: error },
      )
    throw error
  }
}
