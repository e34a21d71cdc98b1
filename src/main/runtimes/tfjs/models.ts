import * as tf from '@tensorflow/tfjs'
import type { Tensor, Tensors } from '../../../shared/domain/tensor'
import { describeTensor } from '../../../shared/domain/tensor-elements'
import type { LoadedModel } from '../model-worker'
import { InputError } from '../worker'
import { fromTf, toTf } from './tensors'

type Named = [name: string, tensor: tf.Tensor][]

/** What differs between graph, layers and saved models. */
export interface Callable {
  /** Every name an input may be called by, and the one the model knows it by. */
  inputs: Map<string, string>
  /** The inputs by the names that a person knows. */
  inputNames: string[]
  /** What TensorFlow.js wants, by the model's own names. */
  dtypes: Map<string, string>
  /** The first dimension of every input and output may be of any size. */
  stackable: boolean
  /** Ids of the tensors that are the model's own: a constant may be an output as it is. */
  weights: ReadonlySet<number>
  call(feeds: Map<string, tf.Tensor>): Promise<Named>
}

/** A model of TensorFlow.js as the worker runs it. Every tensor that a run makes is disposed when it ends. */
export class TfjsModel implements LoadedModel {
  readonly stackable: boolean
  // Graphs with control flow run in pieces, and the pieces of two runs must not mix.
  readonly queues = false
  readonly #model: Callable

  constructor(model: Callable) {
    this.#model = model
    this.stackable = model.stackable
  }

  async run(inputs: Tensors): Promise<Tensors> {
    const made: tf.Tensor[] = []
    try {
      const feeds = this.#feeds(inputs, made)
      const results = await this.#model.call(feeds)
      for (const [, tensor] of results) made.push(tensor)
      const outputs: [string, Tensor][] = []
      for (const [name, tensor] of results) outputs.push([name, await fromTf(name, tensor)])
      return Object.fromEntries(outputs)
    } finally {
      for (const tensor of made) if (!this.#model.weights.has(tensor.id)) tensor.dispose()
    }
  }

  #feeds(inputs: Tensors, made: tf.Tensor[]): Map<string, tf.Tensor> {
    const feeds = new Map<string, tf.Tensor>()
    const known = this.#model.inputNames.map((name) => `"${name}"`).join(', ')
    for (const name of Object.keys(inputs)) {
      const tensor = inputs[name]
      const own = this.#model.inputs.get(name)
      if (!tensor || own === undefined)
        throw new InputError(`The model has no input "${name}": it has ${known}.`)
      const feed = toTf(name, tensor)
      made.push(feed)
      const wants = this.#model.dtypes.get(own)
      if (wants !== undefined && wants !== feed.dtype) {
        throw new InputError(`Input "${name}" wants ${wants}, got ${describeTensor(tensor)}.`)
      }
      feeds.set(own, feed)
    }
    for (const name of this.#model.inputNames) {
      const own = this.#model.inputs.get(name)
      if (own !== undefined && !feeds.has(own))
        throw new InputError(`Input "${name}" is missing; the model has ${known}.`)
    }
    return feeds
  }
}

const withoutPort = (name: string) => name.replace(/:0$/, '')

/** `name` and `name:0` mean the same tensor. */
function allNames(pairs: readonly (readonly [string, string])[]): Map<string, string> {
  const names = new Map<string, string>()
  for (const [alias, own] of pairs) {
    for (const name of [withoutPort(alias), `${withoutPort(alias)}:0`, alias]) names.set(name, own)
  }
  return names
}

/** Inputs and outputs carry the names of the model's signature where it has one, else those of the graph's nodes. */
export function graphModel(model: tf.GraphModel): Callable {
  const signature = signatureOf(model.modelSignature)
  const inputPairs = signature?.inputs ?? model.inputNodes.map((node) => [node, node] as const)
  const outputPairs = signature?.outputs ?? model.outputNodes.map((node) => [node, node] as const)
  const nodes = outputPairs.map(([, node]) => node)
  // A graph with control flow runs only asynchronously; it says so the first time.
  let dynamic = false
  const execute = async (feeds: tf.NamedTensorMap): Promise<tf.Tensor[]> => {
    if (!dynamic) {
      try {
        return list(tf.tidy(() => model.execute(feeds, nodes)))
      } catch (error) {
        if (!(error instanceof Error && error.message.includes('executeAsync'))) throw error
        dynamic = true
      }
    }
    return list(await model.executeAsync(feeds, nodes))
  }
  return {
    inputs: allNames([...inputPairs.map(([, node]) => [node, node] as const), ...inputPairs]),
    inputNames: inputPairs.map(([key]) => key),
    dtypes: new Map(
      inputPairs.flatMap(([, node]) => {
        const input = model.inputs.find((known) => withoutPort(known.name) === withoutPort(node))
        return input?.dtype ? [[node, input.dtype] as const] : []
      }),
    ),
    stackable: model.inputs.length > 0 && model.inputs.every((input) => isFree(input.shape?.[0])),
    weights: new Set(Object.values(model.weights).flatMap((tensors) => tensors.map((tensor) => tensor.id))),
    async call(feeds) {
      const results = await execute(Object.fromEntries(feeds))
      return results.map((tensor, i) => [outputPairs[i]?.[0] ?? `output_${i}`, tensor])
    },
  }
}

export function layersModel(model: tf.LayersModel): Callable {
  // A sequential model has no names before it is built, and it builds itself only when it first runs.
  if (model instanceof tf.Sequential) model.build()
  return {
    inputs: allNames(model.inputNames.map((name) => [name, name] as const)),
    inputNames: model.inputNames,
    dtypes: new Map(model.inputs.map((input, i) => [model.inputNames[i] ?? '', input.dtype])),
    stackable: [...model.inputs, ...model.outputs].every((tensor) => isFree(tensor.shape[0])),
    weights: new Set(),
    async call(feeds) {
      const ordered = model.inputNames.flatMap((name) => feeds.get(name) ?? [])
      const first = ordered[0]
      if (!first) throw new InputError('The model wants at least one input.')
      const results = list(tf.tidy(() => model.predictOnBatch(ordered.length === 1 ? first : ordered)))
      return results.map((tensor, i) => [model.outputNames[i] ?? `output_${i}`, tensor])
    },
  }
}

const isFree = (size: number | null | undefined) => size === null || size === -1
const list = (result: tf.Tensor | tf.Tensor[]) => (Array.isArray(result) ? result : [result])

interface SignaturePairs {
  inputs: (readonly [key: string, node: string])[]
  outputs: (readonly [key: string, node: string])[]
}

function signatureOf(value: unknown): SignaturePairs | null {
  if (typeof value !== 'object' || value === null) return null
  const { inputs, outputs }: { inputs?: unknown; outputs?: unknown } = value
  const pairs = { inputs: pairsOf(inputs), outputs: pairsOf(outputs) }
  return pairs.inputs.length > 0 && pairs.outputs.length > 0 ? pairs : null
}

function pairsOf(value: unknown): (readonly [string, string])[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).map(([key, info]: [string, unknown]) => {
    const name = typeof info === 'object' && info !== null && 'name' in info ? info.name : null
    return [key, typeof name === 'string' ? name : key] as const
  })
}
