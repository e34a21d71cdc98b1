import { tried } from '../../testing/verdicts'

const named = (header: string) => {
  const length = Buffer.from(BigUint64Array.of(BigInt(Buffer.byteLength(header))).buffer)
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(4)])
}
const TENSOR = '"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}'

tried('safetensors', 'safetensors', [
  ['with 20 MB of metadata', 'accept', named(`{"__metadata__":{"a":"${'x'.repeat(20_000_000)}"},${TENSOR}}`)],
  [
    'with millions of escapes',
    'accept',
    named(`{"__metadata__":{"a":"${'\\"'.repeat(5_000_000)}"},${TENSOR}}`),
  ],
  ['with space in its header', 'accept', named(`{\n ${TENSOR}\n}`)],
  [
    'with a field of tomorrow',
    'accept',
    named(`{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"more":[{}]}}`),
  ],
  [
    'with fields nested without end',
    'accept',
    named(`{"a":{"more":${'['.repeat(1e5)}${']'.repeat(1e5)},${TENSOR.slice(5)}}`),
  ],
  [
    'with one name twice, and space before its colon',
    'reject',
    named(`{${TENSOR},"w" :${TENSOR.slice(4)}}`),
    'twice',
  ],
])
