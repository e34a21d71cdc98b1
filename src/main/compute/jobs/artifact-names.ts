import type { Tensors } from '../../../shared/domain/tensor'

/** `infer`: the outputs, packed; `benchmark`: the figures, `generate`: the texts, as JSON. */
export const RESULT = 'result'
/** Of `generate`: the prompt or the messages, as JSON. */
export const PROMPT = 'prompt'
export const LOG = 'log'

/** Inputs from item `start` on; zero-padded, so that the order of names is the order of items. */
export function inputsName(start: number): string {
  return `inputs-${pad(start)}`
}

/** Outputs of a batch from item `start` on. */
export function itemsName(start: number): string {
  return `items-${pad(start)}`
}

/** The first item of a part of the inputs; null for any other artifact. */
export function inputsStart(name: string): number | null {
  const match = /^inputs-(\d+)$/.exec(name)
  return match ? Number(match[1]) : null
}

/** The first item of a part of a batch's outputs; null for any other artifact. */
export function itemsStart(name: string): number | null {
  const match = /^items-(\d+)$/.exec(name)
  return match ? Number(match[1]) : null
}

/** Bytes of the elements, roughly: to cut large inputs and outputs into parts. */
export function byteSize(tensors: Tensors): number {
  let size = 0
  for (const tensor of Object.values(tensors)) {
    if (tensor.dtype === 'string') for (const text of tensor.strings) size += text.length + 4
    else size += tensor.bytes.length
  }
  return size
}

/** Parts of this size are packed and checked without holding up the event loop. */
export const PART_BYTES = 4 * 1024 * 1024

function pad(index: number): string {
  return String(index).padStart(7, '0')
}
