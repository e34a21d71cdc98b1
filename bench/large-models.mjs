import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fixtures } from './support.mjs'

const PIECE_BYTES = 10_000_000

/** The digit classifier with one more initializer of random bytes: a valid ONNX model of about `weightsBytes`. */
export async function writeLargeOnnx(path, weightsBytes) {
  const small = await readFile(join(fixtures, 'mnist_cnn.onnx'))
  // GraphProto (field 7 of ModelProto) merges with the first one: initializer (5) { dims, data_type uint8, name, raw_data }.
  const tensorHead = Buffer.concat([
    Buffer.from([0x08]),
    varint(weightsBytes),
    Buffer.from([0x10, 2, 0x42, 3]),
    Buffer.from('pad'),
    Buffer.from([0x4a]),
    varint(weightsBytes),
  ])
  const tensorBytes = tensorHead.length + weightsBytes
  const initializerHead = Buffer.concat([Buffer.from([0x2a]), varint(tensorBytes)])
  const graphHead = Buffer.concat([Buffer.from([0x3a]), varint(initializerHead.length + tensorBytes)])
  await write(path, Buffer.concat([small, graphHead, initializerHead, tensorHead]), weightsBytes)
}

/** A GGUF model of 100 tensors and a vocabulary of 32,000 tokens. */
export async function writeLargeGguf(path, weightsBytes) {
  const each = Math.floor(weightsBytes / 100 / 32) * 32
  const u32 = (value) => Buffer.from(Uint32Array.of(value).buffer)
  const u64 = (value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer)
  const text = (value) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)])
  const tokens = Array.from({ length: 32_000 }, (_, i) => text(`token ${i}`))
  const values = [
    [text('general.architecture'), u32(8), text('llama')],
    [text('tokenizer.ggml.tokens'), u32(9), u32(8), u64(tokens.length), ...tokens],
  ]
  // Type 24: 8-bit integers.
  const tensors = Array.from({ length: 100 }, (_, i) => [
    text(`w${i}`),
    u32(1),
    u64(each),
    u32(24),
    u64(i * each),
  ])
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(100),
    u64(values.length),
    ...values.flat(),
    ...tensors.flat(),
  ])
  await write(path, Buffer.concat([head, Buffer.alloc(-head.length & 31)]), each * 100)
}

async function write(path, head, randomBytes) {
  const file = createWriteStream(path)
  file.write(head)
  for (let written = 0; written < randomBytes; written += PIECE_BYTES) {
    const piece = randomFillSync(Buffer.alloc(Math.min(PIECE_BYTES, randomBytes - written)))
    if (!file.write(piece)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
  const handle = await open(path)
  await handle.sync()
  await handle.close()
}

function varint(value) {
  const bytes = []
  let rest = value
  while (rest >= 128) {
    bytes.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}
