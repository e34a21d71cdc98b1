import { open, writeFile } from 'node:fs/promises'
import { bytes, message, model, number, tensor, value } from '../../src/main/storage/testing/onnx-builder'
import { zip } from '../../src/main/storage/testing/zip-builder'

const SIGNATURE = [value(11, 'x', [1, 4]), value(12, 'y', [1, 4])]

function node(operator: string, inputs: string[]) {
  return message(1, ...inputs.map((name) => bytes(1, name)), bytes(2, 'y'), bytes(4, operator))
}

/** An ONNX model that gives back the four numbers it gets; `seed` makes it another version of the same. */
export async function writeEcho(path: string, seed: number): Promise<string> {
  const graph = [node('Identity', ['x']), bytes(2, 'g'), ...SIGNATURE]
  await writeFile(path, model({ graph, extra: [number(5, seed)] }))
  return path
}

/** The same inputs and outputs, but each run fails: it reads row 7 of one row. */
export async function writeFailing(path: string): Promise<string> {
  const raw = Buffer.alloc(8)
  raw.writeBigInt64LE(7n)
  const graph = [node('Gather', ['x', 'i']), bytes(2, 'g'), tensor('i', [1], { type: 7, raw }), ...SIGNATURE]
  await writeFile(path, model({ graph }))
  return path
}

export const echoInputs = () => ({ x: { dtype: 'float32', shape: [1, 4], data: [1, 2, 3, 4] } })

/** A Keras model, which has no runtime here. */
export async function writeKeras(path: string): Promise<string> {
  const layers = [
    {
      module: 'keras.layers',
      class_name: 'InputLayer',
      config: { batch_shape: [null, 4], dtype: 'float32', name: 'x' },
    },
    {
      module: 'keras.layers',
      class_name: 'Dense',
      config: { name: 'd', units: 3 },
      registered_name: null,
    },
  ]
  const config = { module: 'keras', class_name: 'Sequential', config: { name: 'flowers', layers } }
  const content = zip([
    { name: 'metadata.json', content: Buffer.from('{"keras_version":"3.12.0"}') },
    { name: 'config.json', content: Buffer.from(JSON.stringify(config)) },
    { name: 'model.weights.h5', content: Buffer.from('\x89HDF\r\n\x1a\n', 'latin1') },
  ])
  await writeFile(path, content)
  return path
}

/** A safetensors file of zeros; most of it takes no room on the disk. */
export async function writeZeros(path: string, bytes: number): Promise<string> {
  const header = Buffer.from(
    JSON.stringify({ w: { dtype: 'F32', shape: [bytes / 4], data_offsets: [0, bytes] } }),
  )
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(header.length))
  const file = await open(path, 'w')
  await file.write(Buffer.concat([size, header]))
  await file.truncate(8 + header.length + bytes)
  await file.close()
  return path
}
