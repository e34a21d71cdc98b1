import type { TensorInfo } from '../../../../../shared/contract'
import { quoted } from '../../rejection'
import type { PickleValue } from '../pickle'

/** Element types of storages by the name of their class, and their bytes. */
const STORAGES: Record<string, { dtype: string; bytes: number }> = {
  FloatStorage: { dtype: 'float32', bytes: 4 },
  DoubleStorage: { dtype: 'float64', bytes: 8 },
  HalfStorage: { dtype: 'float16', bytes: 2 },
  BFloat16Storage: { dtype: 'bfloat16', bytes: 2 },
  LongStorage: { dtype: 'int64', bytes: 8 },
  IntStorage: { dtype: 'int32', bytes: 4 },
  ShortStorage: { dtype: 'int16', bytes: 2 },
  CharStorage: { dtype: 'int8', bytes: 1 },
  ByteStorage: { dtype: 'uint8', bytes: 1 },
  BoolStorage: { dtype: 'bool', bytes: 1 },
  ComplexFloatStorage: { dtype: 'complex64', bytes: 8 },
  ComplexDoubleStorage: { dtype: 'complex128', bytes: 16 },
  QInt8Storage: { dtype: 'qint8', bytes: 1 },
  QUInt8Storage: { dtype: 'quint8', bytes: 1 },
  QInt32Storage: { dtype: 'qint32', bytes: 4 },
  UntypedStorage: { dtype: 'bytes', bytes: 1 },
}

const MOST_TENSORS = 200_000
const DEEPEST = 24

/** A piece of the file that tensors lie in. */
export interface Storage {
  key: string
  bytes: number
}

export interface TorchTensors {
  tensors: TensorInfo[]
  /** By key. */
  storages: Map<string, Storage>
  elements: Map<string, number>
  /** Why the tensors cannot be as they say; null: nothing is wrong. */
  problem: string | null
}

/** The tensors of what a pickle builds, named by the keys and attributes that lead to them, as `layer.weight`. */
export function collectTensors(root: PickleValue): TorchTensors {
  const found: TorchTensors = { tensors: [], storages: new Map(), elements: new Map(), problem: null }
  const seen = new Set<PickleValue>()
  const visit = (value: PickleValue, name: string, depth: number): void => {
    if (depth > DEEPEST || found.tensors.length >= MOST_TENSORS) return
    if (isTensor(value)) {
      // Tied weights are one tensor under each of its names.
      add(found, value, name)
      return
    }
    for (const { key, item } of itemsOf(value)) {
      // What is shared otherwise is named by the first way that leads to it.
      if (seen.has(item) && !isTensor(item)) continue
      seen.add(item)
      visit(item, [name, key].filter((part) => part !== '').join('.'), depth + 1)
    }
  }
  visit(root, '', 0)
  return found
}

/** What a value holds; the state of an object under no key of its own. */
function itemsOf(value: PickleValue): { key: string; item: PickleValue }[] {
  switch (value.kind) {
    case 'dict':
      return [...value.entries].map(([key, item]) => ({ key, item }))
    case 'tuple':
    case 'list':
      return value.items.map((item, index) => ({ key: String(index), item }))
    case 'object':
      return [...value.args, ...(value.state ? [value.state] : [])].map((item) => ({ key: '', item }))
    default:
      return []
  }
}

type TensorValue = Extract<PickleValue, { kind: 'object' }>

function isTensor(value: PickleValue): value is TensorValue {
  return (
    value.kind === 'object' &&
    /^torch\._utils _rebuild_(?:tensor|tensor_v2|tensor_v3|qtensor)$/.test(value.of)
  )
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, ...)`; torch/_utils.py. */
function add(found: TorchTensors, { args }: TensorValue, name: string): void {
  const [persistent, offset, size, stride] = args
  const storage = persistent ? storageOf(persistent) : null
  const shape = numbersOf(size)
  const strides = numbersOf(stride)
  const begin = offset?.kind === 'number' ? offset.number : -1
  const label = name === '' ? 'the tensor' : quoted(name)
  if (!storage || !shape || !strides || shape.length !== strides.length || !isSize(begin)) {
    found.problem ??= `${label} is put together in a way that no real one is`
    return
  }
  const count = shape.reduce((product, length) => product * length, 1)
  const last = shape.includes(0)
    ? 0
    : shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] ?? 0), begin + 1)
  if (!(count <= Number.MAX_SAFE_INTEGER / 64) || last * storage.elementBytes > storage.bytes)
    found.problem ??= `${label} reaches behind the end of its storage`
  found.storages.set(storage.key, storage)
  found.elements.set(storage.dtype, (found.elements.get(storage.dtype) ?? 0) + count)
  found.tensors.push({ name: name.slice(0, 300), dtype: storage.dtype, shape })
}

/** The tuple `('storage', type, key, location, elements)` by which archives name their pieces. */
function storageOf(value: PickleValue): (Storage & { dtype: string; elementBytes: number }) | null {
  if (value.kind !== 'persistent' || value.id.kind !== 'tuple') return null
  const [word, type, key, , elements] = value.id.items
  if (word?.kind !== 'text' || word.text !== 'storage' || type?.kind !== 'global') return null
  const known = Object.hasOwn(STORAGES, type.name) ? STORAGES[type.name] : undefined
  if (!known || key?.kind !== 'text' || elements?.kind !== 'number' || !isSize(elements.number)) return null
  return {
    key: key.text,
    bytes: elements.number * known.bytes,
    dtype: known.dtype,
    elementBytes: known.bytes,
  }
}

function numbersOf(value: PickleValue | undefined): number[] | null {
  const items = value?.kind === 'object' && value.of === 'torch Size' ? value.args[0] : value
  if (items?.kind !== 'tuple' && items?.kind !== 'list') return null
  const numbers = items.items.map((item) => (item.kind === 'number' ? item.number : -1))
  return numbers.every(isSize) ? numbers : null
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
