import type { Inputs } from '@shared/contract'
import type { JsonTensor, Signature, TensorSpec } from '@shared/domain/tensor'
import { elementCount } from '@shared/domain/tensor'
import { compact, weight } from './compact'
import { fill } from './fillers'
import { dimensionsFrom, type FormChoice, type InputChoice, isScalar, resolveShape } from './form-model'
import { InputProblem } from './input-problem'
import { parseJson, parseScalar, tensorFromJson, tensorFromText } from './parse-values'
import { tensorFromFile } from './tensor-file'

/** The contract's limit on the items of a batch. */
export const MAX_ITEMS = 100_000
/** What a single submission may weigh, so that neither side of the channel stalls. */
export const MAX_SUBMISSION_BYTES = 128_000_000
/** The longest the window may be busy making items before it draws again. */
const TURN_MS = 8

export interface ChosenFile {
  name: string
  bytes: Uint8Array
}
export type ChosenFiles = Readonly<Record<string, ChosenFile | undefined>>

/** A problem and the input it is about. */
export interface PlacedProblem {
  input: string | null
  problem: InputProblem
}

export type Built<Value> = { ok: true; value: Value } | { ok: false; problems: PlacedProblem[] }

/** The tensor that typed values, a scalar or a file make. @throws InputProblem */
export function tensorOf(
  spec: TensorSpec,
  choice: InputChoice,
  dimensions: FormChoice['dimensions'],
  file: ChosenFile | undefined,
): JsonTensor {
  if (isScalar(spec)) return parseScalar(spec.dtype, choice.scalar)
  if (choice.filler === 'values') return tensorFromText(spec, choice.values, dimensions)
  if (!file) throw new InputProblem('fileMissing')
  return tensorFromFile(spec, file.name, file.bytes, dimensions)
}

function buildOne(
  spec: TensorSpec,
  form: FormChoice,
  file: ChosenFile | undefined,
  variant: number,
): JsonTensor {
  const choice = form.inputs[spec.name]
  if (!choice) throw new InputProblem('missingInput', { input: spec.name })
  if (isScalar(spec) || choice.filler === 'values' || choice.filler === 'file') {
    return tensorOf(spec, choice, form.dimensions, file)
  }
  const shape = resolveShape(spec, form.dimensions)
  if (elementCount(shape) * 8 > MAX_SUBMISSION_BYTES) {
    throw new InputProblem('tooMuch', { bytes: elementCount(shape) * 8, maxBytes: MAX_SUBMISSION_BYTES })
  }
  return fill(choice.filler, spec.dtype, shape, form.seed, variant)
}

/**
 * Every input of a model as the form describes it. An open dimension that typed values or a file settle holds for the
 * inputs that share its name. All problems are found, not only the first.
 */
export function buildInputs(
  signature: Signature,
  form: FormChoice,
  files: ChosenFiles,
  variant = 0,
): Built<Inputs> {
  const settled = { ...form.dimensions }
  const inputs: Inputs = {}
  const problems: PlacedProblem[] = []
  const given = (spec: TensorSpec) => ['values', 'file'].includes(form.inputs[spec.name]?.filler ?? '')
  // What settles open dimensions comes first, what is made by rule follows them.
  for (const spec of [...signature.inputs].sort((a, b) => Number(given(b)) - Number(given(a)))) {
    try {
      const tensor = buildOne(spec, { ...form, dimensions: settled }, files[spec.name], variant)
      if (given(spec)) Object.assign(settled, dimensionsFrom(spec, tensor.shape))
      inputs[spec.name] = compact(spec.name, tensor)
    } catch (error) {
      if (!(error instanceof InputProblem)) throw error
      problems.push({ input: spec.name, problem: error })
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: inputs }
}

function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve))
}

/**
 * `count` items by the form's rules, each another variant. Yields to the window between turns.
 * @throws the signal's reason when aborted
 */
export async function buildItems(
  signature: Signature,
  form: FormChoice,
  files: ChosenFiles,
  count: number,
  signal?: AbortSignal,
): Promise<Built<Inputs[]>> {
  const whole = (problem: InputProblem): Built<Inputs[]> => ({
    ok: false,
    problems: [{ input: null, problem }],
  })
  if (!Number.isInteger(count) || count < 1 || count > MAX_ITEMS) {
    return whole(new InputProblem('itemCount', { max: MAX_ITEMS, got: count }))
  }
  const items: Inputs[] = []
  let bytes = 0
  let turnEnds = performance.now() + TURN_MS
  for (let variant = 0; variant < count; variant++) {
    const built = buildInputs(signature, form, files, variant)
    if (!built.ok) return built
    items.push(built.value)
    bytes += Object.values(built.value).reduce((sum, tensor) => sum + weight(tensor), 0)
    const expected = (bytes / items.length) * count
    if (expected > MAX_SUBMISSION_BYTES) {
      return whole(
        new InputProblem('tooMuch', { bytes: Math.round(expected), maxBytes: MAX_SUBMISSION_BYTES }),
      )
    }
    if (performance.now() > turnEnds) {
      await breathe()
      signal?.throwIfAborted()
      turnEnds = performance.now() + TURN_MS
    }
  }
  return { ok: true, value: items }
}

/**
 * The items of a batch from a JSON file: a list of `{input: values}`, the values in any form that a single run takes.
 * @throws InputProblem whose values name the item (counted from 1) and the input
 */
export function itemsFromText(
  signature: Signature,
  text: string,
  dimensions: FormChoice['dimensions'],
): Inputs[] {
  const parsed = parseJson(text)
  if (!Array.isArray(parsed) || parsed.length === 0) throw new InputProblem('items')
  if (parsed.length > MAX_ITEMS) throw new InputProblem('itemCount', { max: MAX_ITEMS, got: parsed.length })
  return parsed.map((item: unknown, index) => itemFrom(signature, item, index + 1, dimensions))
}

function itemFrom(
  signature: Signature,
  item: unknown,
  number: number,
  dimensions: FormChoice['dimensions'],
): Inputs {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw new InputProblem('items', { item: number })
  const values = new Map<string, unknown>(Object.entries(item))
  const inputs: Inputs = {}
  for (const spec of signature.inputs) {
    if (!values.has(spec.name)) throw new InputProblem('missingInput', { item: number, input: spec.name })
    try {
      inputs[spec.name] = compact(spec.name, tensorFromJson(spec, values.get(spec.name), dimensions))
    } catch (error) {
      if (!(error instanceof InputProblem)) throw error
      throw new InputProblem(error.key, { ...error.values, item: number, input: spec.name })
    }
    values.delete(spec.name)
  }
  const [unknown] = values.keys()
  if (unknown !== undefined) throw new InputProblem('unknownInput', { item: number, input: unknown })
  return inputs
}
