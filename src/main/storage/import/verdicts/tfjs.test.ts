import { tried } from '../../testing/verdicts'

type Weight = { name: string; shape: number[]; dtype: string; quantization?: object }
const group = (paths: string[], ...weights: Weight[]) => ({ paths, weights })
const weight = (name: string, dtype: string, shape: number[], quantization?: object): Weight => ({
  name,
  shape,
  dtype,
  ...(quantization && { quantization }),
})
const placeholder = { name: 'x', op: 'Placeholder', attr: { dtype: { type: 1 }, shape: { shape: {} } } }
const graph = (groups: unknown[], nodes: object[] = [], more: object = {}) =>
  JSON.stringify({
    format: 'graph-model',
    modelTopology: { node: [placeholder, { name: 'y', op: 'Relu', input: ['x'] }, ...nodes], ...more },
    weightsManifest: groups,
  })
const layers = (...list: object[]) =>
  JSON.stringify({
    format: 'layers-model',
    modelTopology: {
      keras_version: '2.15.0',
      model_config: {
        class_name: 'Sequential',
        config: {
          name: 's',
          layers: [
            { class_name: 'Dense', config: { name: 'd', units: 1, batch_input_shape: [null, 1] } },
            ...list,
          ],
        },
      },
    },
    weightsManifest: [],
  })
const files = (model: string, sizes: Record<string, number> = {}) => ({
  'model.json': model,
  ...Object.fromEntries(Object.entries(sizes).map(([name, bytes]) => [name, new Uint8Array(bytes)])),
})
const MINMAX = { dtype: 'uint8', min: -1, scale: 0.1, original_dtype: 'float32' }

tried('TensorFlow.js graphs', 'json', [
  [
    'several groups and shards',
    'accept',
    files(
      graph([
        group(['a1', 'a2'], weight('a', 'float32', [3])),
        group(['sub/b'], weight('b', 'int32', [2]), weight('c', 'bool', [1])),
      ]),
      { a1: 8, a2: 4, 'sub/b': 9 },
    ),
  ],
  [
    'quantised in three ways',
    'accept',
    files(
      graph([
        group(
          ['w'],
          weight('a', 'float32', [4], MINMAX),
          weight('b', 'float32', [4], { ...MINMAX, dtype: 'uint16' }),
          weight('c', 'float32', [4], { dtype: 'float16', original_dtype: 'float32' }),
        ),
      ]),
      { w: 20 },
    ),
  ],
  [
    'an empty and a scalar weight',
    'accept',
    files(graph([group(['w'], weight('a', 'float32', [0]), weight('b', 'int32', []))]), { w: 4 }),
  ],
  ['complex numbers', 'accept', files(graph([group(['w'], weight('a', 'complex64', [2]))]), { w: 16 })],
  ['weights from here', 'accept', files(graph([group(['./w'], weight('a', 'uint8', [3]))]), { w: 3 })],
  [
    'weights from here and then above',
    'reject',
    files(graph([group(['./../w'], weight('a', 'uint8', [3]))]), { w: 3 }),
  ],
  [
    'fewer bytes than quantised weights need',
    'reject',
    files(graph([group(['w'], weight('a', 'float32', [4], MINMAX))]), { w: 3 }),
  ],
  [
    'a type of nobody',
    'reject',
    files(graph([group(['w'], weight('a', 'toString', [1]))]), { w: 8 }),
    'unknown type',
  ],
  [
    'more weights than can exist',
    'reject',
    files(graph([group(['w'], weight('a', 'uint8', [2 ** 40, 2 ** 40]))]), { w: 8 }),
  ],
  [
    'a shard that is a folder',
    'reject',
    files(graph([group(['w'], weight('a', 'uint8', [1]))]), { 'w/x': 1 }),
  ],
  [
    'an operator that writes files',
    'reject',
    files(graph([], [{ name: 'e', op: 'WriteFile' }])),
    'WriteFile',
  ],
  [
    'an operator that calls Python, in its library',
    'reject',
    files(
      graph([], [], {
        library: { function: [{ signature: { name: 'f' }, nodeDef: [{ name: 'e', op: 'PyFunc' }] }] },
      }),
    ),
    'PyFunc',
  ],
  [
    'a function of its library',
    'accept',
    files(
      graph([], [], {
        library: { function: [{ signature: { name: 'f' }, nodeDef: [{ name: 'e', op: 'Add' }] }] },
      }),
    ),
  ],
])

tried('TensorFlow.js layers', 'json', [
  ['as Keras 2 writes them', 'accept', files(layers())],
  ['a Lambda', 'reject', files(layers({ class_name: 'Lambda', config: { name: 'l' } })), 'Lambda layer'],
  [
    'a Lambda within a wrapper',
    'reject',
    files(layers({ class_name: 'TimeDistributed', config: { layer: { class_name: 'Lambda', config: {} } } })),
  ],
  [
    'an operation that writes files',
    'reject',
    files(layers({ class_name: 'TFOpLambda', config: { function: 'io.write_file' } })),
  ],
  [
    'a vocabulary in a file',
    'reject',
    files(layers({ class_name: 'StringLookup', config: { vocabulary: '/etc/passwd' } })),
  ],
  [
    'a vocabulary of its own',
    'accept',
    files(layers({ class_name: 'StringLookup', config: { vocabulary: ['a', 'b'] } })),
  ],
])
