import { z } from 'zod'
import { recordOf } from './bounded'

const amount = z.number().finite().nonnegative()

/**
 * Amounts of resources. `cpuCores` and `gpu` may be fractions (a fraction of a GPU lies on one GPU);
 * `custom` names anything else, such as licence seats.
 */
export const ResourceVector = z
  .object({
    cpuCores: amount.optional(),
    memoryBytes: amount.optional(),
    gpu: amount.optional(),
    gpuMemoryBytes: amount.optional(),
    npu: amount.optional(),
    fpga: amount.optional(),
    custom: recordOf(z.string().regex(/^[a-zA-Z][\w.-]{0,63}$/), amount, {
      max: 64,
      tooMany: 'name at most 64 resources',
    }).optional(),
  })
  .strict()
export type ResourceVector = z.infer<typeof ResourceVector>

export const RESOURCE_NAMES = ['cpuCores', 'memoryBytes', 'gpu', 'gpuMemoryBytes', 'npu', 'fpga'] as const
export type ResourceName = (typeof RESOURCE_NAMES)[number]

/** The vector as `[name, amount]` pairs without zeros; custom resources are named `custom.NAME`. */
export function entriesOf(vector: ResourceVector): [string, number][] {
  const entries: [string, number][] = []
  for (const name of RESOURCE_NAMES) {
    const value = vector[name]
    if (value) entries.push([name, value])
  }
  for (const [name, value] of Object.entries(vector.custom ?? {}))
    if (value) entries.push([`custom.${name}`, value])
  return entries
}

/** The inverse of {@link entriesOf}. */
export function vectorFrom(entries: Iterable<readonly [string, number]>): ResourceVector {
  const vector: ResourceVector = {}
  for (const [name, value] of entries) {
    if (!value) continue
    if (name.startsWith('custom.')) {
      vector.custom ??= {}
      vector.custom[name.slice(7)] = value
    } else vector[name as ResourceName] = value
  }
  return vector
}

export function addVectors(a: ResourceVector, b: ResourceVector): ResourceVector {
  return combined(a, b, (mine, other) => mine + other)
}

/** `a - b`, each amount at least 0. */
export function subtractVectors(a: ResourceVector, b: ResourceVector): ResourceVector {
  return combined(a, b, (mine, other) => Math.max(0, mine - other))
}

/** `a - b`, less than nothing where `b` is more. */
export function differenceOf(a: ResourceVector, b: ResourceVector): ResourceVector {
  return combined(a, b, (mine, other) => mine - other)
}

/** Without zeros. Asked for at each start and end of a replay, so no maps are made. */
function combined(
  a: ResourceVector,
  b: ResourceVector,
  of: (mine: number, other: number) => number,
): ResourceVector {
  const vector: ResourceVector = {}
  for (const name of RESOURCE_NAMES) {
    const value = of(a[name] ?? 0, b[name] ?? 0)
    if (value) vector[name] = value
  }
  if (!a.custom && !b.custom) return vector
  // Whatever names somebody chose: also those that every object has.
  const mine = new Map(Object.entries(a.custom ?? {}))
  const others = new Map(Object.entries(b.custom ?? {}))
  for (const name of new Set([...mine.keys(), ...others.keys()])) {
    const value = of(mine.get(name) ?? 0, others.get(name) ?? 0)
    if (!value) continue
    vector.custom ??= {}
    vector.custom[name] = value
  }
  return vector
}

/** What of `need` is more than `available`; empty when it fits. */
export function shortage(need: ResourceVector, available: ResourceVector): ResourceVector {
  const have = new Map(entriesOf(available))
  const missing: [string, number][] = []
  for (const [name, value] of entriesOf(need)) {
    const lack = value - (have.get(name) ?? 0)
    if (lack > 1e-9 * Math.max(1, value)) missing.push([name, lack])
  }
  return vectorFrom(missing)
}

export function isEmptyVector(vector: ResourceVector): boolean {
  return entriesOf(vector).length === 0
}
