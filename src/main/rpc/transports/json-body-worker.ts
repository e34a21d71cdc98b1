import { parentPort } from 'node:worker_threads'
import type { JsonTensor } from '../../../shared/domain/tensor'
import { fromJsonTensor, toJsonTensor } from '../../../shared/domain/tensor-codec'
import { AppError } from '../../../shared/errors'
import type { JsonAnswer } from './json-body'

// A thread that parses large bodies: `Uint8Array` in, `JsonAnswer` out.
parentPort?.on('message', (body: Uint8Array) => parentPort?.postMessage(answerTo(body)))

function answerTo(body: Uint8Array): JsonAnswer {
  try {
    return { value: packed(JSON.parse(new TextDecoder().decode(body))) }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * The same with its tensors as base64, which cross to the other thread a hundred times as fast as numbers. One that is
 * no good stays as it is, so that whoever knows its name refuses it. By a list of its own: depth is the sender's choice.
 */
function packed(root: unknown): unknown {
  const holder = { root }
  const open: Record<string, unknown>[] = [holder]
  for (let at = open.pop(); at; at = open.pop()) {
    for (const [key, value] of Object.entries(at)) {
      if (isTensor(value)) at[key] = packedTensor(value)
      else if (typeof value === 'object' && value !== null) open.push(value as Record<string, unknown>)
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

function packedTensor(tensor: Extract<JsonTensor, { data: unknown }>): JsonTensor {
  try {
    return toJsonTensor(fromJsonTensor('', tensor), 'base64')
  } catch (error) {
    if (error instanceof AppError || error instanceof TypeError) return tensor
    throw error
  }
}
