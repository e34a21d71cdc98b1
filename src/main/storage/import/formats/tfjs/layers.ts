import type { DType, Signature, TensorSpec } from '../../../../../shared/domain/tensor'
import { at, isObject, type JsonObject, listAt, objectAt, textAt } from '../json'
import type { DescribedTopology } from './graph'

const DTYPES: Record<string, DType> = { float32: 'float32', int32: 'int32', bool: 'bool', string: 'string' }

/** Layers whose output has the shape of their input. */
const KEEP_SHAPE = new Set([
  'Activation',
  'ReLU',
  'LeakyReLU',
  'ELU',
  'PReLU',
  'Softmax',
  'ThresholdedReLU',
  'Dropout',
  'SpatialDropout1D',
  'AlphaDropout',
  'GaussianDropout',
  'GaussianNoise',
  'BatchNormalization',
  'LayerNormalization',
])

interface Layer {
  className: string
  name: string
  config: JsonObject
}

/**
 * The signature of a layers model from its Keras configuration. Names are the ones that TensorFlow.js gives: those of
 * the input and output layers. The shape of an output is known only for simple stacks; elsewhere it is left open.
 */
export function layersSignature(topology: JsonObject): DescribedTopology {
  const root = objectAt(topology, 'model_config') ?? topology
  const config = at(root, 'config')
  const layers = layersOf(config)
  const operators = new Map<string, number>()
  for (const layer of layers) operators.set(layer.className, (operators.get(layer.className) ?? 0) + 1)
  const signature =
    textAt(root, 'class_name') === 'Sequential' ? sequential(layers) : functional(config, layers)
  return { signature, findings: [], operators }
}

/** An old Sequential has its layers as the configuration itself. */
function layersOf(config: unknown): Layer[] {
  const list = Array.isArray(config) ? config : (listAt(config, 'layers') ?? [])
  return list.filter(isObject).map((layer) => {
    const own = objectAt(layer, 'config') ?? {}
    return {
      className: textAt(layer, 'class_name')?.slice(0, 200) ?? '',
      name: textAt(layer, 'name') ?? textAt(own, 'name') ?? '',
      config: own,
    }
  })
}

function sequential(layers: Layer[]): Signature {
  const [first] = layers
  const last = layers.at(-1)
  const input = first && inputOf(first)
  if (!first || !last || !input) return { inputs: [], outputs: [] }
  // TensorFlow.js puts an input layer of this name before a first layer that is none.
  const name = first.className === 'InputLayer' ? first.name : `${first.name}_input`
  const rest = first.className === 'InputLayer' ? layers.slice(1) : layers
  const shape = rest.reduce<TensorSpec['shape'] | null>(outputShape, input.shape)
  return {
    inputs: [{ ...input, name }],
    outputs: [{ name: last.name, dtype: 'float32', shape: shape ?? [null] }],
  }
}

function functional(config: unknown, layers: Layer[]): Signature {
  const byName = new Map(layers.map((layer) => [layer.name, layer]))
  const inputs = layerNames(listAt(config, 'input_layers')).flatMap((name) => {
    const layer = byName.get(name)
    const input = layer && inputOf(layer)
    return input ? [{ ...input, name }] : []
  })
  const outputs = layerNames(listAt(config, 'output_layers')).map(
    (name): TensorSpec => ({ name, dtype: 'float32', shape: [null] }),
  )
  return { inputs, outputs }
}

/** `[name, node, tensor]` or a list of such. */
function layerNames(places: unknown[] | null): string[] {
  if (!places) return []
  if (typeof places[0] === 'string') return [places[0]]
  return places.flatMap((place) => (Array.isArray(place) && typeof place[0] === 'string' ? [place[0]] : []))
}

function inputOf(layer: Layer): Omit<TensorSpec, 'name'> | null {
  const shape =
    listAt(layer.config, 'batch_input_shape') ??
    listAt(layer.config, 'batchInputShape') ??
    listAt(layer.config, 'batch_shape')
  if (!shape) return null
  const dtype = textAt(layer.config, 'dtype') ?? 'float32'
  return {
    dtype: (Object.hasOwn(DTYPES, dtype) ? DTYPES[dtype] : undefined) ?? 'float32',
    shape: shape
      .slice(0, 64)
      .map((size) => (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : null)),
  }
}

function outputShape(shape: TensorSpec['shape'] | null, layer: Layer): TensorSpec['shape'] | null {
  if (shape === null || KEEP_SHAPE.has(layer.className)) return shape
  if (layer.className === 'Dense') {
    const units = at(layer.config, 'units')
    return typeof units === 'number' && Number.isSafeInteger(units) && units >= 0
      ? [...shape.slice(0, -1), units]
      : null
  }
  if (layer.className !== 'Flatten') return null
  const sizes = shape.slice(1)
  const isKnown = sizes.every((size) => typeof size === 'number')
  return [
    shape[0] ?? null,
    isKnown ? sizes.reduce<number>((product, size) => product * Number(size), 1) : null,
  ]
}
