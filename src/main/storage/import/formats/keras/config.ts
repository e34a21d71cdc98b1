import type { Finding } from '../../../../../shared/contract'
import { quoted, Rejection } from '../../rejection'
import { at, isObject, type JsonObject, listAt, objectAt, textAt } from '../json'
import { reachesOut } from '../tensorflow-operators'
import { isLayerOfKeras2 } from './keras2-layers'
import { isOfPython } from './python-modules'

const DEEPEST = 64
const MOST_NODES = 500_000
/** Where the classes and functions of a plain Keras model come from. */
const KERAS =
  /^(?:keras|keras\.src|keras_core|tf_keras|tf_keras\.src|tensorflow\.keras|tensorflow\.python\.keras)(?:\.|$)/
/** Modules of Keras whose functions only compute. */
const PURE = /\.(?:activations|initializers|losses|metrics|regularizers|constraints|ops|random)(?:\.|$)/
/** Where TensorFlow's own activations are, as tf.nn.relu is written. */
const TENSORFLOW_MATHS =
  /^tensorflow\.python\.ops\.(?:gen_)?(?:nn|math|array|nn_impl|clip|special_math)(?:_ops)?$/
/** Layers that take in files, another saved model or a pickle. */
const READS_FILES = new Set(['TFSMLayer', 'JaxLayer', 'FlaxLayer', 'TorchModuleWrapper'])
/** Layers of Keras 2 that call a function of TensorFlow by its name, also while the model is built. */
const CALLS_TENSORFLOW = /^(?:TFOpLambda|ClassMethod|InstanceMethod)$/
/** Functions of TensorFlow that do more than compute: files, Python, the training of other models. */
const REACHES_OUT =
  /(?:^|\.)(?:io\.(?!(?:decode|encode|parse|serialize|deserialize)_)|(?:data|summary|saved_model|train|profiler|distribute|config|sysconfig|test|gfile|app|utils|models|datasets|saving)\.|(?:load_\w+|\w*py_func\w*|numpy_function|print|Print|read_file|write_file|matching_files)$)/
/** Functions of Python itself that run or reach what they are given. */
const BUILTINS =
  /^(?:eval|exec|compile|open|__import__|input|breakpoint|getattr|setattr|delattr|globals|locals|vars|memoryview|print|exit|quit|help)$/

/**
 * Looks for what would run code when Keras builds the model: lambdas, functions from outside, layers that read files. The
 * configuration is JSON; nothing of it is built here. @throws Rejection `storage.unsafe`
 */
export function judgeConfig(config: JsonObject, file: string): Finding[] {
  const custom = new Set<string>()
  let nodes = 0
  const visit = (value: unknown, depth: number): void => {
    if (depth > DEEPEST || ++nodes > MOST_NODES)
      throw new Rejection('storage.unsafe', 'The configuration of the model is nested without end.', file)
    if (Array.isArray(value)) for (const item of value) visit(item, depth + 1)
    if (!isObject(value)) return
    judgeObject(value, custom, file)
    for (const layer of listAt(value, 'layers') ?? []) noteStranger(layer, custom)
    for (const item of Object.values(value)) visit(item, depth + 1)
  }
  visit(config, 0)
  if (custom.size === 0) return []
  const names = [...custom].slice(0, 10).map((name) => quoted(name, 60))
  const message = `It uses ${names.join(', ')}, which Keras does not have: whoever runs it must bring that code.`
  return [{ severity: 'warn', code: 'storage.custom_layers', message, file }]
}

function judgeObject(value: JsonObject, custom: Set<string>, file: string): void {
  const className = textAt(value, 'class_name')
  if (className === null) return
  const plainName = className.slice(className.search(/[^.>:]*$/))
  if (plainName === 'Lambda' || className === '__lambda__')
    throw unsafe('It has a Lambda layer: Python code that runs when the model is loaded.', file)
  if (READS_FILES.has(plainName))
    throw unsafe(`It has the layer ${quoted(className)}, which loads a program or another model.`, file)
  judgeCalled(plainName, value, file)
  const module = textAt(value, 'module') ?? ''
  const isOfKeras = KERAS.test(module)
  const isFunction =
    className === 'function' || className === 'builtin_function' || (isOfKeras && /^[a-z]/.test(className))
  if (module !== '' && module !== 'builtins' && !isOfKeras) {
    const isForeign = module !== '__main__' && !TENSORFLOW_MATHS.test(module)
    if (isOfPython(module) || (isFunction && isForeign))
      throw unsafe(
        `It takes ${quoted(className)} from the Python module ${quoted(module)}, which could be any code.`,
        file,
      )
    const name = isFunction ? textAt(value, 'config') : plainName
    custom.add(`${module}.${name ?? ''}`.slice(0, 100))
  }
  if (isFunction && isOfKeras && !PURE.test(`${module}.`))
    throw unsafe(`It calls a function of ${quoted(module)} while it is loaded.`, file)
  const name = value['config']
  if (isFunction && typeof name === 'string' && BUILTINS.test(name))
    throw unsafe(`It calls ${quoted(name)} of Python while it is loaded.`, file)
  const vocabulary = isObject(value['config']) ? value['config']['vocabulary'] : null
  if (typeof vocabulary === 'string' && vocabulary !== '')
    throw unsafe(`Its layer ${quoted(className)} reads the file ${quoted(vocabulary)}.`, file)
  const registered = textAt(value, 'registered_name')
  if (isFunction && module === 'builtins' && typeof name === 'string') custom.add(name.slice(0, 100))
  else if (registered?.includes('>') && !registered.startsWith('keras')) custom.add(registered.slice(0, 100))
  else if (className.includes('>')) custom.add(className.slice(0, 100))
}

/** Keras 2 tells its own layers and others apart by nothing but their names. */
function noteStranger(layer: unknown, custom: Set<string>): void {
  const className = textAt(layer, 'class_name')
  if (className === null || className.includes('>') || at(layer, 'module') !== null) return
  const plainName = className.slice(className.search(/[^.]*$/))
  if (!isLayerOfKeras2(plainName)) custom.add(plainName.slice(0, 100))
}

function judgeCalled(layer: string, value: JsonObject, file: string): void {
  const config = objectAt(value, 'config')
  const called = CALLS_TENSORFLOW.test(layer)
    ? [textAt(config, 'function') ?? '']
    : layer === 'TensorFlowOpLayer'
      ? operatorsOf(config)
      : []
  const reaching = called.find(
    (name) => REACHES_OUT.test(name) || reachesOut(name.replace(/^.*raw_ops\./, '')),
  )
  if (reaching !== undefined)
    throw unsafe(`It calls ${quoted(reaching)} of TensorFlow, which reaches beyond the model.`, file)
}

/** What may be the operator of a `NodeDef`, written as JSON within the JSON or as protobuf's text. */
function operatorsOf(config: JsonObject | null): string[] {
  const node = at(config, 'node_def')
  const text = typeof node === 'string' ? node : JSON.stringify(node)
  return [...text.matchAll(/\bop"?\s*:\s*["']([^"']*)/g)].map(([, operator]) => operator ?? '')
}

function unsafe(message: string, file: string): Rejection {
  return new Rejection('storage.unsafe', message, file)
}
