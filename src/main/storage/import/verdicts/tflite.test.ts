import { tflite } from '../../testing/tflite-builder'
import { tried } from '../../testing/verdicts'
import { zip } from '../../testing/zip-builder'

const labels = zip([{ name: 'labels.txt', content: Buffer.from('cat\ndog\n') }])
const FLOAT16 = 1
const STRING = 5
const INT8 = 9
const INT4 = 17
const weights = (type: number, bytes: number, shape = [2, 4]) =>
  tflite({ weight: { type, shape }, buffer: new Uint8Array(bytes) })

tried('TensorFlow Lite', 'tflite', [
  ['one operator', 'accept', tflite()],
  ['with its metadata as a ZIP behind it', 'accept', tflite({ behind: labels })],
  [
    'with the operator of object detectors',
    'accept',
    tflite({ customCodes: ['TFLite_Detection_PostProcess'] }),
  ],
  ['with an operator of nobody', 'warn', tflite({ customCodes: ['MaxPoolingWithArgmax2D'] })],
  ['quantised to 8 bits', 'accept', weights(INT8, 8)],
  ['quantised to 4 bits, an odd number', 'accept', weights(INT4, 8, [3, 5])],
  ['of half precision', 'accept', weights(FLOAT16, 16)],
  ['a scalar', 'accept', weights(0, 4, [])],
  ['texts of any length', 'accept', weights(STRING, 23)],
  ['sparse weights', 'accept', tflite({ weight: { isSparse: true }, buffer: new Uint8Array(12) })],
  [
    'weights behind the tables',
    'accept',
    tflite({ buffer: { offset: 64, size: 32 }, behind: new Uint8Array(64) }),
  ],
  ['a type of tomorrow', 'accept', weights(99, 7)],
  ['more values than bytes', 'reject', weights(0, 32, [1 << 15, 1 << 15]), 'shape and type need'],
  ['a shape that overflows to its bytes', 'reject', weights(0, 32, [1 << 30, 1 << 30, 8])],
  ['a negative shape', 'reject', weights(0, 32, [-2, -4]), 'negative size'],
  ['weights behind the file', 'reject', tflite({ buffer: { offset: 64, size: 1 << 30 } }), 'after the file'],
  ['weights beyond any file', 'reject', tflite({ buffer: { offset: 2 ** 53 - 2, size: 2 ** 53 - 2 } })],
  [
    'an operator that reads another tensor',
    'reject',
    tflite({ operator: { inputs: [0, 77] } }),
    'names nothing',
  ],
  [
    'an operator that writes another tensor',
    'reject',
    tflite({ operator: { outputs: [-1] } }),
    'names nothing',
  ],
  ['an operator of no kind', 'reject', tflite({ operator: { code: 5 } }), 'none of its kinds'],
  ['an index in its second graph that names nothing', 'reject', tflite({ secondInputs: [1 << 20] })],
])
