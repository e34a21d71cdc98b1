import { deflateRawSync } from 'node:zlib'
import { Builder } from 'flatbuffers'
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
} from '../testing/onnx-builder'
import { tried } from '../testing/verdicts'
import { zip } from '../testing/zip-builder'

// What a stranger would try, and beside each trick its harmless neighbour, which must not be refused for it.

const latin = (text: string) => Buffer.from(text, 'latin1')
const short = (text: string) => Buffer.concat([Buffer.of(0x8c, text.length), latin(text)])
const proto = (version: number, ...parts: (string | Uint8Array)[]) =>
  Buffer.concat([
    Buffer.of(0x80, version),
    ...parts.map((part) => (typeof part === 'string' ? latin(part) : part)),
  ])

tried('pickles', 'pkl', [
  ['protocol 0 without a mark of its version', 'reject', latin("cos\nsystem\n(S'id'\ntR.")],
  ['protocol 0 laid out like a table', 'reject', latin("cos\nsystem\n(S'a,b\\nc,d'\ntR.\n1,2\n")],
  ['protocol 1 without a mark of its version', 'reject', latin('cposix\nsystem\nq\0(U\x02idtR.')],
  ['INST', 'reject', proto(2, "(S'id'\nios\nsystem\n.")],
  ['OBJ', 'reject', proto(2, '(cos\nsystem\nU\x02ido.')],
  [
    'STACK_GLOBAL from the memo',
    'reject',
    proto(4, short('os'), '\x94', short('system'), '\x94', '00', 'h\x00h\x01\x93', short('id'), '\x85R.'),
  ],
  ['a name with escapes', 'reject', proto(2, "S'\\x6fs'\nS'system'\n\x93S'id'\n\x85R.")],
  ['reduce of what a reduce gave', 'reject', proto(4, 'cbuiltins\ngetattr\n)R)R.')],
  ['NEWOBJ_EX', 'reject', proto(4, 'csubprocess\nPopen\n', short('id'), '\x85}\x92.')],
  ['BUILD of a state', 'reject', proto(2, 'cpathlib\nPath\n)\x81}U\x01aK\x01sb.')],
  ['the extension registry', 'reject', proto(2, '\x82\x01)R.')],
  ['buffers from outside, protocol 5', 'reject', proto(5, '\x97.')],
  ['something behind its end', 'reject', proto(2, 'N.', 'cos\nsystem\n(U\x02idtR.')],
  ['a protocol of the future', 'reject', proto(6, 'N.')],
  ['plain values, protocol 2', 'warn', proto(2, '}q\0U\x01aK\x01s.')],
  [
    'plain values in a frame, protocol 4',
    'warn',
    proto(4, '\x95\x05\0\0\0\0\0\0\0', '}\x94', short('a'), 'K\x01s.'),
  ],
  ['plain bytes, protocol 5', 'warn', proto(5, '\x96\x02\0\0\0\0\0\0\0ab.')],
])

const PICKLE = proto(2, '}q\0.')
const archive = (...entries: Parameters<typeof zip>[0]) => zip(entries)
/** Writes into the header of the first entry, at an offset of APPNOTE.TXT 4.3.7. */
function patched(content: Buffer, at: number, value: number, size: 2 | 4 = 4): Buffer {
  if (size === 2) content.writeUInt16LE(value, at)
  else content.writeUInt32LE(value, at)
  return content
}

tried('PyTorch archives', 'pt', [
  [
    'a class that is given other methods',
    'reject',
    archive({ name: 'a/data.pkl', content: proto(2, 'ctorch\nTensor\n(N}U\x06__eq__K\x01stb0', '}.') }),
  ],
  ['weights and nothing else', 'accept', archive({ name: 'a/data.pkl', content: PICKLE })],
  [
    'a second pickle that runs code',
    'reject',
    archive(
      { name: 'a/data.pkl', content: PICKLE },
      { name: 'a/extra.pkl', content: latin("cos\nsystem\n(S'id'\ntR.") },
    ),
  ],
  [
    'the same entry twice',
    'reject',
    archive({ name: 'a/data.pkl', content: PICKLE }, { name: 'a/data.pkl', content: PICKLE }),
  ],
  [
    'the same entry in another case',
    'reject',
    archive({ name: 'a/data.pkl', content: PICKLE }, { name: 'A/DATA.PKL', content: PICKLE }),
  ],
  [
    'one name written in two ways',
    'reject',
    archive(
      { name: 'a/data.pkl', content: PICKLE },
      { name: 'a/\u00e9', content: PICKLE },
      { name: 'a/e\u0301', content: PICKLE },
    ),
  ],
  [
    'entries that share their bytes',
    'reject',
    archive({ name: 'a/data.pkl', content: PICKLE }, { name: 'a/b', content: PICKLE, over: 0 }),
  ],
  [
    'another name before the bytes',
    'reject',
    archive({ name: 'a/data.pkl', localName: 'a/evil.pkl', content: PICKLE }),
  ],
  ['encrypted', 'reject', archive({ name: 'a/data.pkl', content: PICKLE, flags: 1 })],
  [
    'encrypted only before the bytes',
    'reject',
    patched(archive({ name: 'a/data.pkl', content: PICKLE }), 6, 1, 2),
  ],
  [
    'another size before the bytes',
    'reject',
    patched(archive({ name: 'a/data.pkl', content: PICKLE }), 22, 1000),
  ],
  [
    'sizes that follow the bytes',
    'accept',
    patched(patched(archive({ name: 'a/data.pkl', content: PICKLE, flags: 8 }), 18, 0), 22, 0),
  ],
  [
    'wider than 32 bits, it says before the bytes',
    'accept',
    patched(patched(archive({ name: 'a/data.pkl', content: PICKLE }), 18, 0xffff_ffff), 22, 0xffff_ffff),
  ],
  [
    'larger than it says',
    'reject',
    archive({ name: 'a/data.pkl', content: deflateRawSync(PICKLE), sizeBytes: 2 }),
  ],
  [
    'a link',
    'reject',
    archive(
      { name: 'a/data.pkl', content: PICKLE },
      { name: 'a/l', content: latin('/etc/passwd'), mode: 0o120777 },
    ),
  ],
  [
    'a device',
    'reject',
    archive({ name: 'a/data.pkl', content: PICKLE }, { name: 'a/d', content: latin(''), mode: 0o020666 }),
  ],
  [
    'a program that maps a file, spelt with spaces',
    'reject',
    archive(
      { name: 'a/data.pkl', content: PICKLE },
      { name: 'a/code/__torch__/m.py', content: latin('x = torch . from_file("/etc/passwd")') },
    ),
  ],
])

const gguf = (options: { tensors?: bigint; values?: bigint; body?: Buffer; dataBytes?: number }) => {
  const head = Buffer.alloc(24)
  head.write('GGUF')
  head.writeUInt32LE(3, 4)
  head.writeBigUInt64LE(BigInt.asUintN(64, options.tensors ?? 0n), 8)
  head.writeBigUInt64LE(options.values ?? 0n, 16)
  return Buffer.concat([head, options.body ?? Buffer.alloc(0), Buffer.alloc(options.dataBytes ?? 0)])
}
const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer)
const u64 = (value: bigint) => Buffer.from(BigUint64Array.of(BigInt.asUintN(64, value)).buffer)
const ggufText = (value: string) => Buffer.concat([u64(BigInt(Buffer.byteLength(value))), Buffer.from(value)])
const ggufValue = (key: string, type: number, ...rest: Buffer[]) =>
  Buffer.concat([ggufText(key), u32(type), ...rest])
const ggufTensor = (name: string, dims: bigint[], type: number, at: bigint) =>
  Buffer.concat([ggufText(name), u32(dims.length), ...dims.map(u64), u32(type), u64(at)])
const template = (value: string, key = 'tokenizer.chat_template') =>
  gguf({ values: 1n, body: ggufValue(key, 8, ggufText(value)) })

tried('GGUF', 'gguf', [
  ['nothing but its head', 'accept', gguf({})],
  ['a negative number of tensors', 'reject', gguf({ tensors: -1n })],
  ['more values than bytes', 'reject', gguf({ values: 1n << 40n })],
  ['a text longer than the file', 'reject', gguf({ values: 1n, body: ggufValue('a', 8, u64(1n << 62n)) })],
  ['a negative length of a text', 'reject', gguf({ values: 1n, body: ggufValue('a', 8, u64(-8n)) })],
  [
    'an array longer than the file',
    'reject',
    gguf({ values: 1n, body: ggufValue('a', 9, u32(0), u64(1n << 33n)) }),
  ],
  [
    'arrays nested without end',
    'reject',
    gguf({
      values: 1n,
      body: ggufValue(
        'a',
        9,
        ...Array.from({ length: 500 }, () => Buffer.concat([u32(9), u64(1n)])),
        u32(0),
        u64(0n),
      ),
    }),
  ],
  ['an alignment of 0', 'reject', gguf({ values: 1n, body: ggufValue('general.alignment', 4, u32(0)) })],
  ['an alignment of 3', 'reject', gguf({ values: 1n, body: ggufValue('general.alignment', 4, u32(3)) })],
  ['an alignment of 64', 'accept', gguf({ values: 1n, body: ggufValue('general.alignment', 4, u32(64)) })],
  [
    'the same key twice',
    'reject',
    gguf({ values: 2n, body: Buffer.concat([ggufValue('a', 4, u32(1)), ggufValue('a', 4, u32(2))]) }),
  ],
  [
    'dimensions that overflow',
    'reject',
    gguf({ tensors: 1n, body: ggufTensor('w', [1n << 33n, 1n << 33n], 0, 0n) }),
  ],
  [
    'a tensor past the end',
    'reject',
    gguf({ tensors: 1n, body: ggufTensor('w', [64n], 0, 1n << 20n), dataBytes: 512 }),
  ],
  [
    'tensors one over the other',
    'reject',
    gguf({
      tensors: 2n,
      body: Buffer.concat([ggufTensor('a', [16n], 0, 0n), ggufTensor('b', [16n], 0, 32n)]),
      dataBytes: 512,
    }),
  ],
  [
    'two tensors side by side',
    'accept',
    gguf({
      tensors: 2n,
      body: Buffer.concat([ggufTensor('a', [16n], 0, 0n), ggufTensor('b', [16n], 0, 64n)]),
      dataBytes: 512,
    }),
  ],
  [
    'a template that breaks out of Python',
    'reject',
    template("{{ ''.__class__.__mro__[1].__subclasses__() }}"),
  ],
  [
    'the same behind 30,000 spaces',
    'reject',
    template(`${' '.repeat(30_000)}{{ cycler.__init__.__globals__ }}`),
  ],
  [
    'the same in a template of another name',
    'reject',
    template('{{ x.__globals__ }}', 'tokenizer.chat_template.tool_use'),
  ],
  [
    'a template with tools and underscores',
    'accept',
    template('{%- for message in messages %}{{ message["__role"] }}{%- endfor %}'),
  ],
])

const places = (header: string, data = 4) => {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)))
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(data)])
}
const W = '"dtype":"U8","shape":[4],"data_offsets":[0,4]'

tried('safetensors', 'safetensors', [
  ['one tensor', 'accept', places(`{"w":{${W}}}`)],
  ['one tensor and padding of the header', 'accept', places(`{"w":{${W}}}     `)],
  [
    'a scalar and an empty tensor',
    'accept',
    places(
      '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}',
    ),
  ],
  ['one name twice', 'reject', places(`{"w":{${W}},"w":{${W}}}`)],
  ['one name twice, once with an escape', 'reject', places(`{"w":{${W}},"\\u0077":{${W}}}`)],
  ['a field twice', 'reject', places(`{"w":{${W},"data_offsets":[0,4]}}`)],
  ['a hole before', 'reject', places('{"w":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}')],
  ['bytes behind that belong to nothing', 'reject', places(`{"w":{${W}}}`, 5)],
  [
    'a shape that overflows to what is there',
    'reject',
    places('{"w":{"dtype":"U8","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}}'),
  ],
  ['a negative size', 'reject', places('{"w":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}')],
  ['offsets the wrong way round', 'reject', places('{"w":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}')],
  [
    'offsets beyond what numbers hold',
    'reject',
    places('{"w":{"dtype":"U8","shape":[4],"data_offsets":[1e400,1e400]}}'),
  ],
  ['metadata that is no text', 'reject', places(`{"__metadata__":{"a":{"b":1}},"w":{${W}}}`)],
  ['a tensor named __proto__', 'accept', places(`{"__proto__":{${W}}}`)],
])

const outside = (external: Record<string, string>, more: Record<string, string> = {}) => ({
  'model.onnx': model({ graph: [...plainGraph(), tensor('w', [4], { type: 2, external })] }),
  'w.bin': 'abcd',
  ...more,
})
const weight = tensor('w', [4], { field: 1, type: 2, external: { location: '../w.bin' } })
const place = (key: string, value: string) => message(13, bytes(1, key), bytes(2, value))
const patchedTensor = (...entries: Field[]) => ({
  'model.onnx': model({
    graph: [
      ...plainGraph(),
      message(5, number(1, 4), number(2, 2), bytes(8, 'w'), ...entries, number(14, 1)),
    ],
  }),
  'w.bin': 'abcd',
})

tried('ONNX', 'onnx', [
  ['weights beside it', 'accept', outside({ location: 'w.bin' })],
  [
    'weights with a checksum and a key of tomorrow',
    'accept',
    outside({ location: 'w.bin', checksum: 'abc', base: '0' }),
  ],
  ['an offset past the end', 'reject', outside({ location: 'w.bin', offset: '1' })],
  ['an offset in hexadecimal', 'reject', outside({ location: 'w.bin', offset: '0x0' })],
  ['no location at all', 'reject', outside({ offset: '0' })],
  [
    'its location twice',
    'reject',
    patchedTensor(place('location', 'w.bin'), place('location', '../../etc/passwd')),
  ],
  [
    'its location behind many other keys',
    'reject',
    patchedTensor(
      place('location', 'w.bin'),
      ...Array.from({ length: 250 }, (_, i) => place(`k${i}`, '')),
      place('location', '/etc/passwd'),
    ),
  ],
  [
    'an address in memory',
    'reject',
    outside({ location: '*/_ORT_MEM_ADDR_/*', offset: '4096' }, { '*/_ORT_MEM_ADDR_/*': 'abcd' }),
  ],
  ['a sparse weight outside', 'reject', model({ graph: [...plainGraph(), message(15, weight)] })],
  [
    'weights of a function outside',
    'reject',
    model({
      extra: [
        message(
          25,
          bytes(1, 'f'),
          message(
            7,
            bytes(4, 'Constant'),
            message(
              5,
              bytes(1, 'value'),
              tensor('w', [4], { type: 2, external: { location: '/etc/passwd' } }),
            ),
          ),
        ),
      ],
    }),
  ],
  [
    'a default of a function outside',
    'reject',
    model({
      extra: [
        message(
          25,
          bytes(1, 'f'),
          message(11, bytes(1, 'a'), tensor('w', [4], { type: 2, external: { location: '/etc/passwd' } })),
        ),
      ],
    }),
  ],
  [
    'a list of graphs with weights outside',
    'reject',
    model({
      graph: [
        ...plainGraph(),
        node('If', '', attribute(message(11, tensor('w', [4], { type: 2, external: { location: '..' } })))),
      ],
    }),
  ],
  [
    'weights of its training outside',
    'reject',
    model({
      extra: [message(20, message(1, tensor('w', [4], { type: 2, external: { location: '../w' } })))],
    }),
  ],
  [
    'a graph within an If',
    'accept',
    model({ graph: [...plainGraph(), node('If', '', attribute(message(6, node('Sin'), tensor('w', [2]))))] }),
  ],
  ['an operator of its own', 'warn', model({ graph: [...plainGraph(), node('Evil', 'com.example')] })],
])

const keras = (config: unknown) =>
  zip([
    { name: 'config.json', content: Buffer.from(JSON.stringify(config)) },
    { name: 'metadata.json', content: Buffer.from('{"keras_version":"3.9.0"}') },
    { name: 'model.weights.h5', content: Buffer.alloc(8) },
  ])
const sequential = (...layers: unknown[]) => ({
  class_name: 'Sequential',
  module: 'keras',
  config: { name: 's', layers },
})
const dense = {
  class_name: 'Dense',
  module: 'keras.layers',
  config: { name: 'd', units: 2, activation: 'relu' },
}
const calling = (module: string, name: string) => ({
  ...dense,
  config: {
    ...dense.config,
    activation: { class_name: 'function', module, config: name, registered_name: name },
  },
})

tried('Keras archives', 'keras', [
  ['plain layers', 'accept', keras(sequential(dense))],
  [
    'a Lambda within a model within a model',
    'reject',
    keras(sequential(sequential({ class_name: 'Lambda', config: {} }))),
  ],
  [
    'a Lambda within a wrapper',
    'reject',
    keras(
      sequential({
        class_name: 'TimeDistributed',
        module: 'keras.layers',
        config: { layer: { class_name: 'Lambda', module: 'keras.layers', config: {} } },
      }),
    ),
  ],
  [
    'a Lambda by its full name',
    'reject',
    keras(sequential({ class_name: 'keras.layers.Lambda', config: {} })),
  ],
  ['a Lambda of a package', 'reject', keras(sequential({ class_name: 'Custom>Lambda', config: {} }))],
  [
    'a lambda as an activation',
    'reject',
    keras(
      sequential({
        ...dense,
        config: { activation: { class_name: '__lambda__', config: { value: 'eA==' } } },
      }),
    ),
  ],
  [
    'a pickled PyTorch module',
    'reject',
    keras(
      sequential({
        class_name: 'TorchModuleWrapper',
        module: 'keras.layers',
        config: { module: 'gAJ9cQAu' },
      }),
    ),
  ],
  ['a function of os', 'reject', keras(sequential(calling('os', 'system')))],
  ['a function of Python itself', 'reject', keras(sequential(calling('builtins', 'eval')))],
  ['a function of Keras that downloads', 'reject', keras(sequential(calling('keras.utils', 'get_file')))],
  ['an activation of Keras', 'accept', keras(sequential(calling('keras.activations', 'gelu')))],
  ['an activation of its own', 'warn', keras(sequential(calling('builtins', 'my_activation')))],
  [
    'a class that is registered',
    'warn',
    keras(sequential({ class_name: 'Mine', module: null, registered_name: 'pack>Mine', config: {} })),
  ],
  [
    'a layer that is called LambdaRank',
    'accept',
    keras(sequential({ ...dense, config: { name: 'Lambda', units: 1 } })),
  ],
])

const h5 = (...texts: string[]) =>
  Buffer.concat([
    latin('\x89HDF\r\n\x1a\n'),
    Buffer.alloc(64),
    ...texts.map((text) => Buffer.from(`${text}\0`)),
  ])
const LAMBDA = '{"class_name":"Sequential","config":{"layers":[{"class_name":"Lambda","config":{}}]}}'

tried('Keras HDF5', 'h5', [
  ['plain layers', 'accept', h5('{"class_name": "Sequential", "config": {"name": "s", "layers": []}}')],
  ['a Lambda', 'reject', h5(LAMBDA)],
  ['a Lambda behind a space', 'reject', h5(LAMBDA.replace('{', '{ \n'))],
  [
    'a Lambda in another order',
    'reject',
    h5('{"config":{"layers":[{"config":{},"class_name":"Lambda"}]},"class_name":"Sequential"}'),
  ],
  [
    'a Lambda spelt with escapes',
    'reject',
    h5(LAMBDA.replace('Lambda', '\\u004cambda').replace('"class_name":"\\u', '"class\\u005fname":"\\u')),
  ],
  [
    'a Lambda behind a hundred decoys',
    'reject',
    h5(...Array.from({ length: 100 }, () => '{"class_name":"Dense","config":{}}'), LAMBDA),
  ],
  ['a Lambda behind an object that does not end', 'reject', h5(`{"a":${LAMBDA}`)],
  [
    'a Lambda among thousands',
    'reject',
    h5(...Array.from({ length: 2000 }, () => '{"class_name":"Dense","config":{}}'), LAMBDA),
  ],
])

const metaGraph = (operators: string[], tag = 'serve', inFunctions: string[] = []) =>
  message(
    2,
    message(1, bytes(4, tag)),
    message(
      2,
      ...operators.map((name) => message(1, bytes(1, name), bytes(2, name))),
      message(2, message(1, ...inFunctions.map((name) => message(3, bytes(1, name), bytes(2, name))))),
    ),
    message(5, bytes(1, 'serving_default'), message(2, message(1, bytes(1, 'x'), message(2, number(2, 1))))),
  )
const saved = (...graphs: Field[]) => ({ 'saved_model.pb': Buffer.concat([number(1, 1), ...graphs]) })
const PLAIN_METADATA = '{"name": "m", "class_name": "Functional", "config": {"layers": []}}'

tried('SavedModel', 'pb', [
  ['plain operators', 'accept', saved(metaGraph(['MatMul', 'Relu']))],
  ['PyFunc in a function of its library', 'reject', saved(metaGraph(['MatMul'], 'serve', ['EagerPyFunc']))],
  [
    'WriteFile in the last of many graphs',
    'reject',
    saved(...Array.from({ length: 30 }, () => metaGraph(['MatMul'], 'x')), metaGraph(['WriteFile'])),
  ],
  ['a data set that reads files', 'reject', saved(metaGraph(['ExperimentalCSVDataset']))],
  ['a data set that keeps what it saw in a file', 'reject', saved(metaGraph(['CacheDatasetV2']))],
  ['a table from any file', 'reject', saved(metaGraph(['LoadAndRemapMatrix']))],
  [
    'a Lambda in what Keras says of it',
    'reject',
    {
      ...saved(metaGraph(['MatMul'])),
      'keras_metadata.pb': Buffer.concat([Buffer.of(10, 4), Buffer.from(LAMBDA)]),
    },
  ],
  [
    'plain layers in what Keras says of it',
    'accept',
    {
      ...saved(metaGraph(['MatMul'])),
      'keras_metadata.pb': Buffer.concat([Buffer.of(10, 4), Buffer.from(PLAIN_METADATA)]),
    },
  ],
])

function tflite(customCodes: string[]): Uint8Array {
  const builder = new Builder(256)
  const codes = customCodes.map((name) => {
    const text = builder.createString(name)
    builder.startObject(4)
    builder.addFieldOffset(1, text, 0)
    return builder.endObject()
  })
  const vectorOf = (offsets: number[]) => {
    builder.startVector(4, offsets.length, 4)
    for (const offset of offsets.reverse()) builder.addOffset(offset)
    return builder.endVector()
  }
  const codesAt = vectorOf(codes)
  builder.startObject(4)
  const graph = builder.endObject()
  const graphs = vectorOf([graph])
  builder.startObject(5)
  builder.addFieldInt32(0, 3, 0)
  builder.addFieldOffset(1, codesAt, 0)
  builder.addFieldOffset(2, graphs, 0)
  builder.finish(builder.endObject(), 'TFL3')
  return builder.asUint8Array()
}

/** The table of the model is its own graph, and that graph's. */
function circle(): Buffer {
  const content = Buffer.alloc(64)
  content.writeUInt32LE(32)
  content.write('TFL3', 4)
  // A description of three fields, all at the same place.
  content.writeUInt16LE(10, 16)
  content.writeUInt16LE(12, 18)
  for (const at of [20, 22, 24]) content.writeUInt16LE(4, at)
  content.writeInt32LE(16, 32)
  content.writeUInt32LE(3, 36)
  return content
}

tried('TensorFlow Lite', 'tflite', [
  ['no operators', 'accept', tflite([])],
  ['an operator of its own', 'warn', tflite(['MyOperator'])],
  ['an operator of TensorFlow', 'warn', tflite(['FlexErf'])],
  ['an operator of TensorFlow that writes files', 'reject', tflite(['FlexWriteFile'])],
  [
    'the same behind 1,500 others',
    'reject',
    tflite([...Array.from({ length: 1500 }, (_, i) => `Op${i}`), 'FlexReadFile']),
  ],
  ['tables in a circle', 'reject', circle()],
  ['a root outside the file', 'reject', Buffer.concat([u32(0xffff_fff0), latin('TFL3'), Buffer.alloc(32)])],
])

const web = (paths: string[], more: Record<string, string> = {}) => ({
  'model.json': JSON.stringify({
    format: 'graph-model',
    modelTopology: {
      node: [
        { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: {} } } },
        { name: 'y', op: 'Relu', input: ['x'] },
      ],
    },
    weightsManifest: [{ paths, weights: [{ name: 'w', dtype: 'uint8', shape: [4] }] }],
  }),
  'w.bin': 'abcd',
  ...more,
})

tried('TensorFlow.js', 'json', [
  ['weights beside it', 'accept', web(['w.bin'])],
  ['weights above it', 'reject', web(['../w.bin'])],
  ['weights of an address', 'reject', web(['https://example.com/w.bin'])],
  ['weights of an address without a scheme', 'reject', web(['//example.com/w.bin'])],
  ['weights above it, with escapes', 'reject', web(['%2e%2e/w.bin'])],
  ['weights of a drive', 'reject', web(['C:w.bin'])],
  ['fewer weights than it says', 'reject', web(['w.bin'], { 'w.bin': 'abc' })],
])

function tar(...entries: [name: string, type: string, content: string][]): Buffer {
  const blocks = entries.map(([name, type, content]) => {
    const header = Buffer.alloc(512)
    header.write(name)
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
    header.write('        ', 148)
    header.write(type, 156)
    header.write('ustar\x0000', 257)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return Buffer.concat([header, latin(content.padEnd(Math.ceil(content.length / 512) * 512, '\0'))])
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}
const inTar: [string, string, string] = [
  'm/model.safetensors',
  '0',
  places(`{"w":{${W}}}`).toString('latin1'),
]

const large: [string, string, string] = [
  'm/model.safetensors',
  '0',
  places('{"w":{"dtype":"U8","shape":[900],"data_offsets":[0,900]}}', 900).toString('latin1'),
]
const sizeOfLarge = `12 size=${large[2].length}\n`

tried('tar', 'tar', [
  ['a model', 'accept', tar(inTar)],
  [
    'a model and what git says of all',
    'accept',
    tar(['pax', 'g', '52 comment=0123456789012345678901234567890123456789\n'], inTar),
  ],
  ['a name for all that follows', 'reject', tar(['pax', 'g', '18 path=../../etc\n'], inTar)],
  ['a name of the next that leaves', 'reject', tar(['pax', 'x', '18 path=../../etc\n'], inTar)],
  ['a size of the next that is none', 'reject', tar(['pax', 'x', '14 size=-5000\n'], inTar)],
  ['a name of the next', 'accept', tar(['pax', 'x', '28 path=m/model.safetensors\n'], inTar)],
  [
    'a size of the next, and a header between',
    'accept',
    tar(['pax', 'x', sizeOfLarge], ['pax', 'x', '13 mtime=1.5\n'], large),
  ],
  [
    'a record within the value of another',
    'accept',
    tar(['pax', 'x', '31 comment=a\n18 path=../../etc\n'], inTar),
  ],
  ['a record longer than its header', 'reject', tar(['pax', 'x', '99 path=m/a\n'], inTar)],
  ['a record without an end', 'reject', tar(['pax', 'x', '12 path=m/ab'], inTar)],
  ['a file with holes', 'reject', tar(['pax', 'x', '22 GNU.sparse.major=1\n'], inTar)],
  ['a hard link', 'reject', tar(inTar, ['m/l', '1', ''])],
  ['a device', 'reject', tar(inTar, ['m/d', '3', ''])],
  ['a pipe', 'reject', tar(inTar, ['m/p', '6', ''])],
])
