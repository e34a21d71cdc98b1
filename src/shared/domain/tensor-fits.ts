import { AppError } from '../errors'
import type { Signature, Tensor, TensorSpec, Tensors } from './tensor'
import { assertWellFormed, describeTensor } from './tensor-elements'

/**
 * Checks inputs against what the model declares. A dimension with a name takes any size, but the same size wherever the
 * name stands; null, an empty name and `?` take any size.
 * @throws AppError `compute.invalid_input` for a missing or unknown input, a wrong dtype or a shape that does not fit;
 * details `{input, wants, got}`
 */
export function assertFits(signature: Signature, inputs: Tensors): void {
  const specs = new Map(signature.inputs.map((spec) => [spec.name, spec]))
  for (const name of Object.keys(inputs)) {
    if (specs.has(name)) continue
    const known = signature.inputs.map((spec) => `"${spec.name}"`).join(', ')
    const wants = known ? `has ${known}` : 'takes no inputs'
    throw new AppError('compute.invalid_input', `The model has no input "${name}": it ${wants}.`, {
      input: name,
      wants: signature.inputs.map((spec) => spec.name),
      got: name,
    })
  }
  const sizes = new Map<string, { size: number; input: string }>()
  for (const spec of signature.inputs) {
    const tensor = Object.hasOwn(inputs, spec.name) ? inputs[spec.name] : undefined
    if (!tensor) throw misfit(spec, 'nothing')
    assertWellFormed(`Input ${spec.name}`, tensor)
    assertSpec(spec, tensor, sizes)
  }
}

/**
 * Checks that what gives `from` may feed an input of the form `to`. Dimensions that are open on either side may turn out
 * to fit.
 * @throws AppError `compute.invalid_input`, details `{input, wants, got}`
 */
export function assertConnects(from: TensorSpec, to: TensorSpec): void {
  if (isOpen(from) || isOpen(to)) return
  const fits =
    from.dtype === to.dtype &&
    from.shape.length === to.shape.length &&
    from.shape.every((size, axis) => {
      const wanted = to.shape[axis]
      return typeof size !== 'number' || typeof wanted !== 'number' || size === wanted
    })
  if (!fits) throw misfit(to, `"${from.name}", which is ${describeTensor(from)}`)
}

function assertSpec(
  spec: TensorSpec,
  tensor: Tensor,
  sizes: Map<string, { size: number; input: string }>,
): void {
  const got = describeTensor(tensor)
  if (isOpen(spec)) return
  if (tensor.dtype !== spec.dtype || tensor.shape.length !== spec.shape.length) throw misfit(spec, got)
  spec.shape.forEach((wanted, axis) => {
    const size = tensor.shape[axis] ?? 0
    if (typeof wanted === 'number') {
      if (wanted !== size) throw misfit(spec, got)
    } else if (wanted !== null && wanted !== '' && wanted !== '?') {
      const known = sizes.get(wanted)
      if (!known) sizes.set(wanted, { size, input: spec.name })
      else if (known.size !== size) {
        throw misfit(spec, got, `, where ${wanted} is ${known.size} as in "${known.input}"`)
      }
    }
  })
}

/** Only its name is known: any type and shape will do, and the model says itself what it does not take. */
function isOpen({ shape }: TensorSpec): boolean {
  return shape.length === 1 && shape[0] === '...'
}

function misfit(spec: TensorSpec, got: string, because = ''): AppError {
  const wants = `${describeTensor(spec)}${because}`
  const message = `Input "${spec.name}" wants ${wants}, got ${got}.`
  return new AppError('compute.invalid_input', message, { input: spec.name, wants, got })
}
