import type { ModelDiff, ModelVersion, TensorInfo } from '../../shared/contract'
import type { TensorSpec } from '../../shared/domain/tensor'

type Dimension = TensorSpec['shape'][number]

/** What changed between two versions of a model. Pure. @param tensors of both, as far as their formats name them */
export function diffVersions(
  from: ModelVersion,
  to: ModelVersion,
  tensors: { from: readonly TensorInfo[]; to: readonly TensorInfo[] } = { from: [], to: [] },
): ModelDiff {
  return {
    from: from.version,
    to: to.version,
    sizeBytes: { from: from.sizeBytes, to: to.sizeBytes },
    compatible: isCompatible(from, to),
    inputs: changedSpecs(from.signature.inputs, to.signature.inputs),
    outputs: changedSpecs(from.signature.outputs, to.signature.outputs),
    metadata: changedMetadata(from.metadata, to.metadata),
    files: changedFiles(from.files, to.files),
    tensors: changedTensors(tensors.from, tensors.to),
  }
}

function isCompatible(from: ModelVersion, to: ModelVersion): boolean {
  const { inputs, outputs } = to.signature
  return (
    inputs.length === from.signature.inputs.length &&
    from.signature.inputs.every((old) =>
      inputs.some((now) => fits(old, now, (was, is) => !isFixed(is) || was === is)),
    ) &&
    from.signature.outputs.every((old) =>
      outputs.some((now) => fits(old, now, (was, is) => !isFixed(was) || was === is)),
    )
  )
}

function fits(
  old: TensorSpec,
  now: TensorSpec,
  dimensionFits: (was: Dimension, is: Dimension) => boolean,
): boolean {
  return (
    old.name === now.name &&
    old.dtype === now.dtype &&
    old.shape.length === now.shape.length &&
    old.shape.every((was, axis) => dimensionFits(was, now.shape[axis] ?? null))
  )
}

function isFixed(dimension: Dimension): dimension is number {
  return typeof dimension === 'number'
}

function changedSpecs(from: TensorSpec[], to: TensorSpec[]): ModelDiff['inputs'] {
  const names = new Set([...from, ...to].map((spec) => spec.name))
  return [...names]
    .map((name) => ({
      name,
      from: from.find((spec) => spec.name === name) ?? null,
      to: to.find((spec) => spec.name === name) ?? null,
    }))
    .filter((change) => JSON.stringify(change.from) !== JSON.stringify(change.to))
}

function changedMetadata(
  from: ModelVersion['metadata'],
  to: ModelVersion['metadata'],
): ModelDiff['metadata'] {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort()
  return keys
    .map((key) => ({
      key,
      from: Object.hasOwn(from, key) ? (from[key] ?? null) : null,
      to: Object.hasOwn(to, key) ? (to[key] ?? null) : null,
    }))
    .filter((change) => JSON.stringify(change.from) !== JSON.stringify(change.to))
}

function changedFiles(from: ModelVersion['files'], to: ModelVersion['files']): ModelDiff['files'] {
  const before = new Map(from.map((file) => [file.path, file]))
  const after = new Map(to.map((file) => [file.path, file]))
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path) => {
    const old = before.get(path)
    const now = after.get(path)
    if (old?.digest === now?.digest) return []
    const change = old ? (now ? 'changed' : 'removed') : 'added'
    return [{ path, change, fromBytes: old?.sizeBytes ?? 0, toBytes: now?.sizeBytes ?? 0 } as const]
  })
}

const MOST_TENSORS = 1_000

function changedTensors(from: readonly TensorInfo[], to: readonly TensorInfo[]): ModelDiff['tensors'] {
  const before = new Map(from.map((tensor) => [tensor.name, tensor]))
  const after = new Map(to.map((tensor) => [tensor.name, tensor]))
  const kept = [...before.values()].flatMap((old) => {
    const now = after.get(old.name)
    return now ? [{ name: old.name, from: old, to: now }] : []
  })
  const reshaped = kept.filter(
    (pair) => pair.from.dtype !== pair.to.dtype || pair.from.shape.join() !== pair.to.shape.join(),
  )
  return {
    added: to.filter((tensor) => !before.has(tensor.name)).slice(0, MOST_TENSORS),
    removed: from.filter((tensor) => !after.has(tensor.name)).slice(0, MOST_TENSORS),
    reshaped: reshaped.slice(0, MOST_TENSORS),
    unchanged: kept.length - reshaped.length,
  }
}
