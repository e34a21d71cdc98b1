import {
  attribute,
  bytes,
  type Field,
  message,
  model,
  node,
  number,
  plainGraph,
  tensor,
  value,
  varint,
} from '../../testing/onnx-builder'
import { tried } from '../../testing/verdicts'

/** An initializer whose values lie in fields of their own type, as old exporters and `onnx.helper.make_tensor` write them. */
const typed = (type: number, dims: number[], ...values: Field[]) =>
  model({
    graph: [
      ...plainGraph(),
      message(5, ...dims.map((dim) => number(1, dim)), number(2, type), bytes(8, 'w'), ...values),
    ],
  })
const floats = (count: number) => bytes(4, new Uint8Array(count * 4))
const varints = (field: number, ...values: (number | bigint)[]) =>
  bytes(field, Uint8Array.from(values.flatMap(varint)))
const unpacked = (count: number) =>
  Buffer.concat(Array.from({ length: count }, () => Buffer.of(4 * 8 + 5, 0, 0, 0, 0)))
const FLOAT = 1
const INT64 = 7
const INT4 = 22

tried('values of ONNX', 'onnx', [
  ['packed', 'accept', typed(FLOAT, [2, 3], floats(6))],
  ['one by one', 'accept', typed(FLOAT, [3], unpacked(3))],
  ['in two pieces', 'accept', typed(FLOAT, [3], floats(2), floats(1))],
  ['of 64 bits, small and negative', 'accept', typed(INT64, [3], varints(7, 1, -1, 1n << 62n))],
  ['of 16 bits in wider fields', 'accept', typed(10, [2], varints(5, 0x3c00, 0x4000))],
  ['two in a byte', 'accept', typed(INT4, [5], varints(5, 1, 2, 3))],
  ['complex', 'accept', typed(14, [2], floats(4))],
  ['texts', 'accept', typed(8, [2], bytes(6, 'a'), bytes(6, ''))],
  ['doubles', 'accept', typed(11, [1], bytes(10, new Uint8Array(8)))],
  ['of 8 bits with 8 of exponent', 'accept', typed(24, [2], bytes(9, new Uint8Array(2)))],
  ['none, of an empty tensor', 'accept', typed(FLOAT, [0, 4])],
  ['one, of a scalar', 'accept', typed(FLOAT, [], floats(1))],
  ['fewer than the shape', 'reject', typed(FLOAT, [1 << 30], floats(1)), 'does not carry as many'],
  ['more than the shape', 'reject', typed(FLOAT, [1], floats(2))],
  ['fewer one by one', 'reject', typed(FLOAT, [4], unpacked(3))],
  ['none at all', 'reject', typed(FLOAT, [1000])],
  ['of another type', 'reject', typed(INT64, [2], floats(2))],
  ['fewer of 64 bits than their bytes can be', 'reject', typed(INT64, [100], varints(7, 1, 2, 3))],
  ['fewer texts', 'reject', typed(8, [3], bytes(6, 'a'))],
])

const ofSequence = (field: number, name: string, kind: 4 | 9) =>
  message(field, bytes(1, name), message(2, message(kind, message(1, message(1, number(1, 1))))))
const ownFunction = (domain: string, name: string) =>
  message(25, bytes(1, name), message(7, bytes(4, 'Relu')), bytes(10, domain))
const using = (operator: string, domain: string, ...extra: Field[]) =>
  model({ graph: [...plainGraph(), node(operator, domain)], extra })
const outside = (location: string) => ({
  'model.onnx': model({ graph: [...plainGraph(), tensor('w', [4], { type: 2, external: { location } })] }),
  'w.bin': 'abcd',
})

tried('ONNX of many years', 'onnx', [
  [
    'of the first version, without an opset',
    'accept',
    Buffer.concat([number(1, 1), message(7, ...plainGraph())]),
  ],
  ['with fields of tomorrow', 'accept', model({ extra: [bytes(27, 'x'), number(40, 1)] })],
  [
    'with a sequence as input',
    'accept',
    model({ graph: [...plainGraph(), ofSequence(11, 's', 4)] }),
    'a sequence',
  ],
  [
    'with an optional output',
    'accept',
    model({ graph: [...plainGraph(), ofSequence(12, 'o', 9)] }),
    'optional',
  ],
  ['with a function of its own', 'accept', using('Mine', 'pkg.own', ownFunction('pkg.own', 'Mine'))],
  [
    'with an operator its own functions do not have',
    'warn',
    using('Other', 'pkg.own', ownFunction('pkg.own', 'Mine')),
  ],
  [
    'compiled for one accelerator',
    'warn',
    using('EPContext', 'com.microsoft'),
    'compiled for one accelerator',
  ],
  ['with an operator of ONNX Runtime', 'accept', using('FusedConv', 'com.microsoft')],
  [
    'with sparse weights',
    'accept',
    model({ graph: [...plainGraph(), message(15, tensor('w', [2], { field: 1 }))] }),
  ],
  [
    'with a sparse constant that is not there',
    'reject',
    model({
      graph: [
        ...plainGraph(),
        node('Constant', '', attribute(message(22, message(1, number(1, 9), number(2, 1))))),
      ],
    }),
  ],
  ['with weights beside it, from here', 'accept', outside('./w.bin')],
  ['with weights above it, from here', 'reject', outside('./../w.bin'), 'leads out of the folder'],
  ['with weights at the root, from here', 'reject', outside('.//w.bin')],
  [
    'with a batch that is called',
    'accept',
    model({ graph: [...plainGraph(), value(11, 'z', ['N', -1, null])] }),
  ],
])
