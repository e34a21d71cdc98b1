import { open } from 'node:fs/promises'
import { env, InferenceSession, listSupportedBackends, Tensor as OrtTensor } from 'onnxruntime-node'
import { DTYPES, type DType, type Tensor, type Tensors } from '../../../shared/domain/tensor'
import { bytesOf, elementsOf } from '../../../shared/domain/tensor-elements'
import { type LoadedModel, type LoadWork, serveModels } from '../model-worker'
import { type Probe, WORKER_ENV } from '../protocol'
import { InputError } from '../worker'

/** What it is told to compute on; the CPU takes what an accelerator has no kernels for. */
const backend = process.env[WORKER_ENV.options] || 'cpu'
const executionProviders = backend === 'cpu' ? ['cpu'] : [backend, 'cpu']

/** `y = x + x` for two float32, as an ONNX file. */
const TWICE = Buffer.from(
  'CAg6NQoOCgF4CgF4EgF5IgNBZGQSAWdaDwoBeBIKCggIARIECgIIAmIPCgF5EgoKCAgBEgQKAggCQgIQDQ==',
  'base64',
)

serveModels({ probe, load })

async function probe(): Promise<Probe> {
  const version = env.versions.node ?? env.versions.common
  const offers = listSupportedBackends().map(({ name }) => name)
  try {
    const session = await InferenceSession.create(TWICE, { executionProviders })
    const { y } = await session.run({ x: new OrtTensor('float32', Float32Array.of(1, 2), [2]) })
    // A driver that loads may still not compute.
    if (y?.data[0] !== 2 || y.data[1] !== 4) throw new Error('It adds wrongly.')
    return { available: true, version, backend, reason: null, offers }
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 2000)
    return { available: false, version, backend: '', reason, offers }
  }
}

async function load(request: LoadWork): Promise<LoadedModel> {
  const main = request.files.find((file) => file.path.toLowerCase().endsWith('.onnx')) ?? request.files[0]
  if (!main) throw new Error('The version has no file.')
  const externalData = await Promise.all(
    request.files
      .filter((file) => file !== main)
      .map(async (file) => ({ path: file.path, data: await readWhole(file.absolutePath, file.sizeBytes) })),
  )
  // A session that spins while idle takes the cores that other leases were given.
  const quiet = { allow_spinning: '0' }
  const session = await InferenceSession.create(main.absolutePath, {
    executionProviders,
    intraOpNumThreads: request.threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: quiet, inter_op: quiet } },
    ...(externalData.length > 0 ? { externalData } : {}),
  }).catch((error: unknown) => {
    throw withoutPaths(error, request)
  })
  return new OnnxModel(session, externalData)
}

class OnnxModel implements LoadedModel {
  readonly stackable: boolean
  // Each run computes in one piece, in a turn of its own.
  readonly queues = true
  readonly #session: InferenceSession
  readonly #dtypes: Map<string, string>
  /** Only held: the session may use these bytes in place. */
  readonly externalData: unknown

  constructor(session: InferenceSession, externalData: unknown) {
    this.#session = session
    this.externalData = externalData
    const tensors = session.inputMetadata.flatMap((input) => (input.isTensor ? [input] : []))
    this.#dtypes = new Map(tensors.map((input) => [input.name, input.type]))
    this.stackable = tensors.length > 0 && [...session.inputMetadata, ...session.outputMetadata].every(isFree)
  }

  async run(inputs: Tensors): Promise<Tensors> {
    // Names come from the model: without a prototype `__proto__` is one like any other.
    const feeds: Record<string, OrtTensor> = Object.create(null)
    for (const name of Object.keys(inputs)) {
      const tensor = inputs[name]
      if (tensor) feeds[name] = this.#feed(name, tensor)
    }
    const results = await this.#session.run(feeds)
    const outputs: Tensors = Object.create(null)
    for (const name of this.#session.outputNames) {
      const result = results[name]
      if (result) outputs[name] = fromOrt(name, result)
    }
    return outputs
  }

  #feed(name: string, tensor: Tensor): OrtTensor {
    const wants = this.#dtypes.get(name)
    if (wants === undefined) {
      const known = this.#session.inputNames.map((input) => `"${input}"`).join(', ')
      throw new InputError(`The model has no input "${name}": it has ${known}.`)
    }
    if (wants !== tensor.dtype) {
      throw new InputError(
        `Input "${name}" wants ${wants}, got ${tensor.dtype} [${tensor.shape.join(', ')}].`,
      )
    }
    return toOrt(tensor)
  }
}

function isFree(spec: InferenceSession.ValueMetadata): boolean {
  return spec.isTensor && typeof spec.shape[0] === 'string'
}

function toOrt(tensor: Tensor): OrtTensor {
  switch (tensor.dtype) {
    case 'string':
      return new OrtTensor('string', tensor.strings, tensor.shape)
    case 'float32':
      return new OrtTensor('float32', elementsOf('float32', tensor.bytes), tensor.shape)
    case 'int64':
      return new OrtTensor('int64', elementsOf('int64', tensor.bytes), tensor.shape)
    case 'bool':
      return new OrtTensor('bool', elementsOf('bool', tensor.bytes), tensor.shape)
    default:
      return new OrtTensor(tensor.dtype, elementsOf(tensor.dtype, tensor.bytes), tensor.shape)
  }
}

function fromOrt(name: string, tensor: OrtTensor): Tensor {
  const dtype = DTYPES.find((known) => known === tensor.type)
  if (!dtype) throw new Error(`Output "${name}" is ${tensor.type}, a type that cannot be passed on.`)
  const shape = [...tensor.dims]
  const data: unknown = tensor.data
  if (dtype === 'string') return { dtype, shape, strings: Array.isArray(data) ? data.map(String) : [] }
  if (!ArrayBuffer.isView(data)) throw new Error(`Output "${name}" has no data.`)
  return { dtype: dtype satisfies DType, shape, bytes: bytesOf(data) }
}

/** `readFile` ends at 2 GiB. */
async function readWhole(path: string, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes)
  const handle = await open(path, 'r')
  try {
    for (let at = 0; at < sizeBytes; ) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(sizeBytes - at, 2 ** 30), at)
      if (bytesRead === 0) throw new Error('A file of the model is shorter than it was.')
      at += bytesRead
    }
  } finally {
    await handle.close()
  }
  return bytes
}

/** The runtime's words, with the names of the model's files for where they lie on this machine. */
function withoutPaths(error: unknown, request: LoadWork): Error {
  let words = error instanceof Error ? error.message : String(error)
  for (const file of request.files) words = words.replaceAll(file.absolutePath, file.path)
  return new Error(words, { cause: error })
}
