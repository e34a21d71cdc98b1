import { z } from 'zod'

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
    custom: z
      .record(z.string().regex(/^[a-zA-Z][\w.-]{0,63}$/), amount)
      .refine((custom) => Object.keys(custom).length <= 64, 'name at most 64 resources')
      .optional(),
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
  const sum = new Map(entriesOf(a))
  for (const [name, value] of entriesOf(b)) sum.set(name, (sum.get(name) ?? 0) + value)
  return vectorFrom(sum)
}

/** `a - b`, each amount at least 0. */
export function subtractVectors(a: ResourceVector, b: ResourceVector): ResourceVector {
  const taken = new Map(entriesOf(b))
  return vectorFrom(
    entriesOf(a).map(([name, value]) => [name, Math.max(0, value - (taken.get(name) ?? 0))] as const),
  )
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
