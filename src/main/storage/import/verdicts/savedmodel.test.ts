import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FIXTURES } from '../../testing/fixtures'
import { bytes, type Field, message, number } from '../../testing/onnx-builder'
import { tried } from '../../testing/verdicts'

/** A `NodeDef`: in a graph field 1, in a function field 3. */
const node = (field: 1 | 3, name: string, operator: string, ...inputs: string[]) =>
  message(field, bytes(1, name), bytes(2, operator), ...inputs.map((input) => bytes(3, input)))
const signature = message(
  5,
  bytes(1, 'serving_default'),
  message(2, message(1, bytes(1, 'x'), message(2, number(2, 1)))),
)
interface Parts {
  nodes?: Field[]
  functions?: Field[][]
  more?: Field[]
  files?: Record<string, string>
}
const saved = ({ nodes = [], functions = [], more = [], files = {} }: Parts) => ({
  'saved_model.pb': Buffer.concat([
    number(1, 1),
    message(
      2,
      message(1, bytes(4, 'serve')),
      message(2, ...nodes, message(2, ...functions.map((body) => message(1, ...body)))),
      ...more,
      signature,
    ),
  ]),
  ...files,
})
const asset = (name: string) => message(6, message(1, bytes(1, 'Const:0')), bytes(2, name))
const real = (name: string) => readFileSync(join(FIXTURES, 'keras/flowers-saved', name))

tried('SavedModel', '', [
  [
    'as Keras 3 exports it, with its fingerprint',
    'accept',
    Object.fromEntries(
      [
        'saved_model.pb',
        'fingerprint.pb',
        'variables/variables.index',
        'variables/variables.data-00000-of-00001',
      ].map((name) => [name, real(name)]),
    ),
  ],
  [
    'with a saver of TensorFlow 2',
    'accept',
    saved({
      functions: [
        [
          node(3, 'suffix', 'Const'),
          node(3, 'join', 'StringJoin', 'file_prefix', 'suffix:output:0'),
          node(3, 'shard', 'ShardedFilename', 'join:output:0'),
          node(3, 'save', 'SaveV2', 'shard:filename:0'),
          node(3, 'merge', 'MergeV2Checkpoints', 'shard:filename:0', 'file_prefix', '^save'),
        ],
      ],
    }),
  ],
  [
    'with a saver of TensorFlow 1',
    'accept',
    saved({
      nodes: [
        node(1, 'save/filename/input', 'Const'),
        node(1, 'save/filename', 'PlaceholderWithDefault', 'save/filename/input'),
        node(1, 'save/RestoreV2', 'RestoreV2', 'save/filename:0'),
      ],
    }),
  ],
  [
    'with a saver before TensorFlow 1.9, that feeds a constant',
    'accept',
    saved({
      nodes: [node(1, 'save/Const', 'Const'), node(1, 'save/SaveV2', 'SaveV2', 'save/Const')],
      more: [message(3, bytes(1, 'save/Const:0'))],
    }),
  ],
  [
    'that writes a checkpoint where it likes',
    'reject',
    saved({ nodes: [node(1, 'path', 'Const'), node(1, 'e', 'SaveV2', 'path')] }),
    'SaveV2 with a path of its own',
  ],
  [
    'that reads one where it likes, in a function and by detours',
    'reject',
    saved({
      functions: [
        [
          node(3, 'path', 'Const'),
          node(3, 'same', 'Identity', 'path:output:0', '^x'),
          node(3, 'join', 'StringJoin', 'same:output:0', 'path:output:0'),
          node(3, 'e', 'RestoreV2', 'join:output:0', 'x'),
        ],
      ],
    }),
    'RestoreV2',
  ],
  [
    'that moves one where it likes',
    'reject',
    saved({
      functions: [[node(3, 'to', 'Const'), node(3, 'e', 'MergeV2Checkpoints', 'given', 'to:output:0')]],
    }),
  ],
  [
    'with a path that leads back to itself',
    'reject',
    saved({
      nodes: [node(1, 'a', 'Identity', 'b'), node(1, 'b', 'Identity', 'a'), node(1, 'e', 'SaveV2', 'a')],
    }),
  ],
  [
    'with a vocabulary among its assets',
    'accept',
    saved({
      nodes: [node(1, 't', 'InitializeTableFromTextFileV2')],
      more: [asset('vocab.txt')],
      files: { 'assets/vocab.txt': 'a\nb\n' },
    }),
    'vocabulary',
  ],
  [
    'with a vocabulary from anywhere',
    'reject',
    saved({ nodes: [node(1, 't', 'InitializeTableFromTextFileV2')] }),
    'any file',
  ],
  [
    'with a vocabulary that is not there',
    'reject',
    saved({ more: [asset('vocab.txt')] }),
    'assets/vocab.txt',
  ],
  ['with operators in a text', 'reject', saved({ nodes: [node(1, 'd', 'DatasetFromGraph', 'x')] })],
  ['with files of TensorFlow I/O', 'reject', saved({ functions: [[node(3, 'd', 'IO>FileRead', 'x')]] })],
  ['with a program of XLA', 'accept', saved({ nodes: [node(1, 'x', 'XlaCallModule')] })],
  [
    'with texts it parses',
    'accept',
    saved({ nodes: [node(1, 'x', 'ParseExampleV2'), node(1, 'j', 'DecodeJpeg')] }),
  ],
])
