import { tried } from '../../testing/verdicts'

/** Numbers as a file writes them: of which byte order, and how wide lengths are. */
interface Style {
  version?: number
  isBig?: boolean
}
function writer({ version = 3, isBig = false }: Style = {}) {
  const number = (bytes: 4 | 8, value: bigint) => {
    const buffer = Buffer.alloc(bytes)
    if (bytes === 4) buffer.writeUInt32LE(Number(value))
    else buffer.writeBigUInt64LE(value)
    return isBig ? buffer.reverse() : buffer
  }
  const u32 = (value: number) => number(4, BigInt(value))
  const u64 = (value: number) => number(8, BigInt(value))
  const length = version === 1 ? u32 : u64
  const text = (value: string) => Buffer.concat([length(Buffer.byteLength(value)), Buffer.from(value)])
  const pair = (key: string, type: number, ...content: Buffer[]) =>
    Buffer.concat([text(key), u32(type), ...content])
  const tensor = (name: string, dims: number[], type: number, at = 0) =>
    Buffer.concat([text(name), u32(dims.length), ...dims.map(length), u32(type), u64(at)])
  const file = (pairs: Buffer[], tensors: Buffer[], dataBytes: number) => {
    const head = [
      Buffer.from('GGUF'),
      u32(version),
      length(tensors.length),
      length(pairs.length),
      ...pairs,
      ...tensors,
    ]
    const size = Buffer.concat(head).length
    return Buffer.concat([...head, Buffer.alloc(Math.ceil(size / 32) * 32 - size + dataBytes)])
  }
  return { u32, u64, length, text, pair, tensor, file }
}
const { u32, u64, text, pair, tensor, file } = writer()
const whole = (style: Style) => {
  const w = writer(style)
  const values = [
    w.pair('general.architecture', 8, w.text('llama')),
    w.pair('llama.block_count', 4, w.u32(1)),
    w.pair('tokenizer.ggml.tokens', 9, w.u32(8), w.length(2), w.text('a'), w.text('b')),
  ]
  return w.file(values, [w.tensor('token_embd.weight', [32, 2], 0)], 256)
}
/** A tensor of 256 values; bytes of it that the file has. */
const quantised = (type: number, bytes: number) => file([], [tensor('w', [256], type)], bytes)
const templated = (template: string) => file([pair('tokenizer.chat_template', 8, text(template))], [], 0)

tried('GGUF of all versions', 'gguf', [
  ['version 1, with 32-bit lengths', 'accept', whole({ version: 1 }), 'does not read any more'],
  ['version 2', 'accept', whole({ version: 2 })],
  ['version 3 of a big-endian machine', 'accept', whole({ isBig: true }), 'big-endian'],
  ['version 2 of a big-endian machine', 'accept', whole({ version: 2, isBig: true })],
  ['version 0', 'reject', whole({ version: 0 }), 'version 0'],
  ['version 1 cut short', 'reject', whole({ version: 1 }).subarray(0, 100)],
  ['big endian cut short', 'reject', whole({ isBig: true }).subarray(0, -1), 'after the file'],
  [
    'big endian in its version only',
    'reject',
    Buffer.concat([Buffer.from('GGUF\0\0\0\x03'), whole({}).subarray(8)]),
  ],
  ['packed to a bit', 'accept', quantised(41, 36)],
  ['packed to two bits', 'accept', quantised(42, 72)],
  ['packed to four bits for NVIDIA', 'accept', quantised(40, 144)],
  ['repacked for a processor', 'accept', quantised(31, 144)],
  ['packed to a bit, a byte short', 'reject', quantised(41, 35), 'ends 1 bytes after the file'],
  ['a scalar', 'accept', file([], [tensor('s', [], 0)], 4)],
  ['an empty tensor', 'accept', file([], [tensor('e', [0, 8], 0)], 0)],
  [
    'a text that is empty, and one of another script',
    'accept',
    file([pair('a', 8, text('')), pair('模型', 8, text('模'))], [], 0),
  ],
  [
    'numbers of every type',
    'accept',
    file([pair('a', 0, Buffer.of(1)), pair('b', 12, u64(1)), pair('c', 6, u32(1))], [], 0),
  ],
  [
    'an array of arrays',
    'accept',
    file([pair('a', 9, u32(9), u64(1), u32(4), u64(2), u32(1), u32(2))], [], 0),
  ],
  [
    'a version that is a text',
    'reject',
    file([pair('general.alignment', 8, text('32'))], [], 0),
    'alignment',
  ],
])

tried('a chat template', 'gguf', [
  ['that looks a name up by a filter', 'reject', templated("{{ x|attr('__cla'~'ss__') }}")],
  ['that spells a name with escapes', 'reject', templated('{{ x["\\x5f\\x5fclass\\x5f\\x5f"] }}')],
  ['that puts a name together', 'reject', templated("{{ x['__cl' ~ 'ass__'] }}")],
  ['that multiplies an underscore', 'reject', templated("{{ x['_' * 2 ~ 'class' ~ '_' * 2] }}")],
  ['that replaces underscores', 'accept', templated("{{ tool.name.replace('__', ' ') ~ '_' ~ role }}")],
  [
    'with tokens between underscores',
    'accept',
    templated("{{ '__end__' + eos_token }}{{ m['__role'] | trim }}"),
  ],
])

const HEADER = '{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'
const weights = Buffer.concat([u64(HEADER.length), Buffer.from(HEADER), Buffer.alloc(4)])
const repository = (more: Record<string, string>) => ({ 'model.safetensors': weights, ...more })
const EVIL = "{{ ''.__class__.__mro__ }}"

tried('a template beside weights', '', [
  [
    'that renders',
    'accept',
    repository({ 'chat_template.jinja': '{% for m in messages %}{{ m.content }}{% endfor %}' }),
  ],
  ['that breaks out', 'reject', repository({ 'chat_template.jinja': EVIL }), 'breaks out'],
  [
    'that breaks out of the tokenizer',
    'reject',
    repository({ 'tokenizer_config.json': JSON.stringify({ chat_template: EVIL }) }),
  ],
  [
    'that breaks out when tools are used',
    'reject',
    repository({
      'tokenizer_config.json': JSON.stringify({ chat_template: [{ name: 'tool_use', template: EVIL }] }),
    }),
  ],
])
