import { toBase64 } from '@shared/domain/base64'
import { DTYPE_BYTES, type JsonTensor, type TensorSpec } from '@shared/domain/tensor'
import { InputProblem } from './input-problem'
import { parseNpy } from './npy'
import { assertShape, parseElement, shapeForCount, tensorFromText } from './parse-values'

/** Files a person may choose for an input; the ending decides how the bytes are read. */
export const TENSOR_FILE_TYPES = ['.json', '.npy', '.bin', '.raw', '.f32'] as const
/** A chosen file is held in memory and sent with the job. */
export const MAX_TENSOR_FILE_BYTES = 64_000_000

/**
 * A tensor for `spec` from a file: `.json` as typed values, `.npy`, or raw row-major little-endian bytes.
 * @throws InputProblem
 */
export function tensorFromFile(
  spec: TensorSpec,
  fileName: string,
  bytes: Uint8Array,
  dimensions: Readonly<Record<string, number>>,
): JsonTensor {
  if (bytes.length > MAX_TENSOR_FILE_BYTES) {
    throw new InputProblem('fileTooLarge', { maxBytes: MAX_TENSOR_FILE_BYTES, bytes: bytes.length })
  }
  const ending = fileName.slice(fileName.lastIndexOf('.')).toLowerCase()
  if (ending === '.json') return tensorFromText(spec, new TextDecoder().decode(bytes), dimensions)
  if (ending === '.npy') return fromNpy(spec, bytes, dimensions)
  if (ending === '.bin' || ending === '.raw' || ending === '.f32')
    return fromRaw(spec, ending, bytes, dimensions)
  throw new InputProblem('fileType', { got: ending || fileName })
}

function fromNpy(
  spec: TensorSpec,
  bytes: Uint8Array,
  dimensions: Readonly<Record<string, number>>,
): JsonTensor {
  const array = parseNpy(bytes)
  const floats = (dtype: string) => dtype.startsWith('float')
  // Widening and narrowing floats is what a person expects of NumPy's default float64; anything else is a mistake.
  if (array.dtype !== spec.dtype && !(floats(array.dtype) && floats(spec.dtype))) {
    const whole =
      !floats(array.dtype) && array.dtype !== 'bool' && spec.dtype !== 'bool' && spec.dtype !== 'string'
    if (!whole) throw new InputProblem('type', { wants: spec.dtype, got: array.dtype })
  }
  const data = floats(spec.dtype)
    ? array.data
    : array.data.map((element) => parseElement(spec.dtype, element))
  if (array.shape.length === spec.shape.length) {
    assertShape(spec, array.shape)
    return { dtype: spec.dtype, shape: array.shape, data }
  }
  return { dtype: spec.dtype, shape: shapeForCount(spec, data.length, dimensions), data }
}

function fromRaw(
  spec: TensorSpec,
  ending: string,
  bytes: Uint8Array,
  dimensions: Readonly<Record<string, number>>,
): JsonTensor {
  if (spec.dtype === 'string') throw new InputProblem('fileType', { got: ending })
  if (ending === '.f32' && spec.dtype !== 'float32')
    throw new InputProblem('type', { wants: spec.dtype, got: 'float32' })
  const width = DTYPE_BYTES[spec.dtype]
  if (bytes.length === 0 || bytes.length % width !== 0) {
    throw new InputProblem('fileSize', { wants: width, got: bytes.length })
  }
  const shape = shapeForCount(spec, bytes.length / width, dimensions)
  return { dtype: spec.dtype, shape, base64: toBase64(bytes) }
}
