import { DTYPE_BYTES, type Tensor, type Tensors } from '../../shared/domain/tensor'

/**
 * Joins items along the first dimension of every tensor. Null when they cannot be: other names, dtypes or sizes, or a
 * tensor without dimensions.
 */
export function stackItems(items: readonly Tensors[]): { inputs: Tensors; sizes: number[] } | null {
  const first = items[0]
  if (!first) return null
  const names = Object.keys(first)
  const sizes = items.map((item) => firstSize(item, names))
  const stacked: [string, Tensor][] = []
  for (const name of names) {
    const parts: Tensor[] = []
    for (const item of items) {
      const part = Object.hasOwn(item, name) ? item[name] : undefined
      if (!part || Object.keys(item).length !== names.length) return null
      parts.push(part)
    }
    const joined = join(parts, sizes)
    if (!joined) return null
    stacked.push([name, joined])
  }
  return stacked.length > 0 ? { inputs: Object.fromEntries(stacked), sizes } : null
}

/** The inverse for outputs: each item's share of the first dimension. Null when an output has another first dimension. */
export function splitOutputs(outputs: Tensors, sizes: readonly number[]): Tensors[] | null {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const items = sizes.map((): [string, Tensor][] => [])
  for (const [name, tensor] of Object.entries(outputs)) {
    if (tensor.shape[0] !== total) return null
    const rest = tensor.shape.slice(1)
    const row = rest.reduce((product, size) => product * size, 1)
    let at = 0
    sizes.forEach((size, i) => {
      items[i]?.push([name, part(tensor, at * row, (at + size) * row, [size, ...rest])])
      at += size
    })
  }
  return items.map((item) => Object.fromEntries(item))
}

function firstSize(item: Tensors, names: readonly string[]): number {
  const name = names[0]
  return (name === undefined ? undefined : item[name]?.shape[0]) ?? 0
}

function join(parts: readonly Tensor[], sizes: readonly number[]): Tensor | null {
  const first = parts[0]
  if (!first || first.shape.length === 0) return null
  const rest = first.shape.slice(1)
  const fits = parts.every(
    (tensor, i) =>
      tensor.dtype === first.dtype &&
      tensor.shape.length === first.shape.length &&
      tensor.shape[0] === sizes[i] &&
      rest.every((size, axis) => tensor.shape[axis + 1] === size),
  )
  if (!fits) return null
  const shape = [sizes.reduce((sum, size) => sum + size, 0), ...rest]
  if (first.dtype === 'string') {
    return {
      dtype: 'string',
      shape,
      strings: parts.flatMap((tensor) => (tensor.dtype === 'string' ? tensor.strings : [])),
    }
  }
  const chunks = parts.map((tensor) => (tensor.dtype === 'string' ? new Uint8Array(0) : tensor.bytes))
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return { dtype: first.dtype, shape, bytes }
}

function part(tensor: Tensor, from: number, to: number, shape: number[]): Tensor {
  if (tensor.dtype === 'string') return { dtype: 'string', shape, strings: tensor.strings.slice(from, to) }
  const each = DTYPE_BYTES[tensor.dtype]
  return { dtype: tensor.dtype, shape, bytes: tensor.bytes.subarray(from * each, to * each) }
}
