import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FIXTURES } from '../../testing/fixtures'
import { tried } from '../../testing/verdicts'
import { zip } from '../../testing/zip-builder'

const real = (name: string) => readFileSync(join(FIXTURES, 'keras', name))
const latin = (text: string) => Buffer.from(text, 'latin1')
const archive = (config: string, more: Record<string, Buffer> = {}) =>
  zip(
    Object.entries({
      'config.json': Buffer.from(config),
      'metadata.json': Buffer.from('{"keras_version":"3.9.0"}'),
      'model.weights.h5': real('flowers.h5'),
      ...more,
    }).map(([name, content]) => ({ name, content })),
  )
const layered = (...layers: unknown[]) =>
  JSON.stringify({ class_name: 'Sequential', module: 'keras', config: { name: 's', layers } })
const keras = (...layers: unknown[]) => archive(layered(...layers))
const layer = (
  module: string | null,
  class_name: string,
  config: unknown = {},
  registered_name?: string,
) => ({
  module,
  class_name,
  config,
  registered_name: registered_name ?? null,
})
const clipped = layered(layer('keras.layers', 'ReLU', { name: 'r', max_value: 'INF' })).replace(
  '"INF"',
  'Infinity',
)

tried('a Keras archive', 'keras', [
  ['with a number that JSON does not have', 'accept', archive(clipped)],
  ['with NaN in a name only', 'accept', keras(layer('keras.layers', 'Dense', { name: 'NaN "Infinity' }))],
  [
    'with a Lambda beside such a number',
    'reject',
    archive(clipped.replace('ReLU', 'Lambda')),
    'Lambda layer',
  ],
  ['with JSON that is none to Python either', 'reject', archive(clipped.replace('Infinity', 'Infinite'))],
  [
    'of a model in a model in a model',
    'accept',
    keras(layer('keras', 'Functional', { layers: [layer('keras', 'Sequential', { layers: [] })] })),
  ],
  [
    'with an operation of Keras and a policy of types',
    'accept',
    keras(
      layer('keras.src.ops.numpy', 'Add', {
        dtype: layer('keras', 'DTypePolicy', { name: 'mixed_bfloat16' }),
      }),
    ),
  ],
  [
    'with a layer of the script that made it',
    'warn',
    keras(layer('__main__', 'Mine', {}, 'Mine')),
    '__main__.Mine',
  ],
  ['with a layer of a package', 'warn', keras(layer('my_net.layers', 'Attention', {}, 'my_net>Attention'))],
  ['with a backbone of Keras Hub', 'warn', keras(layer('keras_hub.src.models.bert', 'BertBackbone'))],
  ['of Keras Core', 'accept', keras(layer('keras_core.layers', 'Dense', { units: 1 }))],
  [
    'with an activation of TensorFlow',
    'warn',
    keras(
      layer('keras.layers', 'Dense', {
        activation: layer('tensorflow.python.ops.gen_nn_ops', 'function', 'relu'),
      }),
    ),
    'gen_nn_ops.relu',
  ],
  [
    'with a function of TensorFlow that writes files',
    'reject',
    keras(
      layer('keras.layers', 'Dense', {
        activation: layer('tensorflow.python.ops.gen_io_ops', 'function', 'write_file'),
      }),
    ),
  ],
  [
    'with a loss of the script that made it',
    'warn',
    keras(layer('__main__', 'function', 'my_loss')),
    '__main__.my_loss',
  ],
  [
    'with weights of NumPy',
    'warn',
    zip(
      ['config.json', 'metadata.json', 'model.weights.npz'].map((name) => ({
        name,
        content: Buffer.from(layered()),
      })),
    ),
    'format of NumPy',
  ],
  ['with a class of Python', 'reject', keras(layer('subprocess', 'Popen')), 'Python module "subprocess"'],
  ['with a class of a private module of Python', 'reject', keras(layer('_posixsubprocess', 'Fork'))],
  ['with a function of a package', 'reject', keras(layer('my_net', 'function', 'build', 'build')), 'my_net'],
  ['with a function in place of a class', 'reject', keras(layer('keras.utils', 'get_file', {}))],
  [
    'that turns off the safety of Keras',
    'reject',
    keras(layer('keras.config', 'enable_unsafe_deserialization')),
  ],
  [
    'that PyTorch would open too',
    'reject',
    archive(layered(), { 'a/data.pkl': latin('cos\nsystem\n.') }),
    'pickle',
  ],
  ['with assets of a tokenizer', 'accept', archive(layered(), { 'assets/vocab.txt': latin('a\nb\n') })],
])

/** A file of HDF5 with a configuration behind its structure, as in tests of the search for them. */
const h5 = (config: string) =>
  Buffer.concat([latin('\x89HDF\r\n\x1a\n'), Buffer.alloc(64), Buffer.from(config), Buffer.alloc(1)])
const LAMBDA = layered(layer(null, 'Lambda', { function: 'eA==' }))
const spaced = (config: string, spaces: number) => config.replaceAll('{', `{${' '.repeat(spaces)}`)
const wrapped = (node_def: string) => layered({ class_name: 'TensorFlowOpLayer', config: { node_def } })
const operation = (called: string, class_name = 'TFOpLambda') =>
  layered({ class_name, config: { name: 'o', function: called } })
tried('Keras in HDF5', 'h5', [
  ['with a Lambda beside NaN', 'reject', h5(LAMBDA.replace('"eA=="', 'NaN')), 'Lambda layer'],
  ['with a Lambda behind many spaces', 'reject', h5(spaced(LAMBDA, 1000)), 'Lambda layer'],
  [
    'with a Lambda behind more spaces than a piece',
    'reject',
    h5(spaced('{"class_name":"Lambda"}', 5_000_000)),
    'Lambda',
  ],
  ['with a Lambda in a text without end', 'reject', h5(LAMBDA.replace('eA==', 'x'.repeat(17_000_000)))],
  ['with an operation of TensorFlow', 'accept', h5(operation('math.multiply'))],
  ['with an operator of Python', 'accept', h5(operation('__operators__.getitem', 'SlicingOpLambda'))],
  ['that decodes a picture', 'accept', h5(operation('io.decode_jpeg'))],
  ['that writes a file', 'reject', h5(operation('io.write_file')), 'io.write_file'],
  ['that writes a file by its older name', 'reject', h5(operation('compat.v1.write_file'))],
  ['that writes a file by its raw operator', 'reject', h5(operation('raw_ops.WriteFile'))],
  ['that calls Python', 'reject', h5(operation('numpy_function'))],
  ['that prints to a file', 'reject', h5(operation('print'))],
  ['with a layer of a package', 'warn', h5(layered(layer(null, 'Addons>Mine'))), 'Addons>Mine'],
  [
    'with a layer of nobody',
    'warn',
    h5(layered({ class_name: 'SelfAttention', config: {} })),
    'SelfAttention',
  ],
  [
    'with layers of Keras 1 and 2',
    'accept',
    h5(
      layered(
        ...['Convolution2D', 'GlobalMaxPooling1D', 'Conv2DTranspose'].map((name) => ({
          class_name: name,
          config: {},
        })),
      ),
    ),
  ],
  ['with an operator as a layer', 'accept', h5(wrapped('{"name":"m","op":"Mul","input":["x"]}'))],
  [
    'with an operator as a layer that writes files',
    'reject',
    h5(wrapped('{"name":"m","op":"WriteFile"}')),
    'WriteFile',
  ],
])
