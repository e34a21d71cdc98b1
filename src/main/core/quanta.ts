import { RESOURCE_NAMES, type ResourceVector } from '../../shared/domain/resources'
import { AppError } from '../../shared/errors'

/**
 * Amounts as whole numbers, so that sums never drift: resources named `...Bytes` count bytes, all others millionths.
 * A resource that is absent is zero.
 */
export type Quanta = Map<string, number>

const MILLION = 1_000_000

/** How many are one of it. */
export function quantaOfOne(name: string): number {
  return name.endsWith('Bytes') ? 1 : MILLION
}

/** Rounded down, so that six sixths of a GPU fit on one; the epsilon undoes binary noise (0.57 is 569,999.99...). */
export function toQuantum(name: string, amount: number): number {
  return Math.floor(amount * quantaOfOne(name) + 1e-3)
}

export function fromQuantum(name: string, quantum: number): number {
  return quantum / quantaOfOne(name)
}

/** Every amount that is named, zeros included: a limit of zero is a limit. */
export function namedAmounts(vector: ResourceVector): [string, number][] {
  const named: [string, number][] = []
  for (const name of RESOURCE_NAMES) {
    const amount = vector[name]
    if (amount !== undefined) named.push([name, amount])
  }
  for (const [name, amount] of Object.entries(vector.custom ?? {})) named.push([`custom.${name}`, amount])
  return named
}

/** @throws AppError `system.invalid` naming the resource whose amount is not finite, negative, or too large to count */
export function toQuanta(vector: ResourceVector): Quanta {
  const quanta: Quanta = new Map()
  for (const [name, amount] of namedAmounts(vector)) {
    if (!Number.isFinite(amount) || amount < 0) {
      throw new AppError(
        'system.invalid',
        `The amount of ${name} must be a number of 0 or more; it is ${amount}.`,
        {
          field: name,
        },
      )
    }
    const quantum = toQuantum(name, amount)
    if (!Number.isSafeInteger(quantum)) {
      throw new AppError('system.invalid', `The amount of ${name} is too large: ${amount}.`, { field: name })
    }
    if (quantum > 0) quanta.set(name, quantum)
  }
  return quanta
}

export function toVector(quanta: Iterable<readonly [string, number]>): ResourceVector {
  const vector: ResourceVector = {}
  for (const [name, quantum] of quanta) {
    if (quantum <= 0) continue
    const amount = fromQuantum(name, quantum)
    if (name.startsWith('custom.')) {
      vector.custom ??= {}
      vector.custom[name.slice('custom.'.length)] = amount
    } else vector[name as Exclude<keyof ResourceVector, 'custom'>] = amount
  }
  return vector
}

export function addQuanta(into: Quanta, more: Quanta): void {
  for (const [name, quantum] of more) into.set(name, (into.get(name) ?? 0) + quantum)
}

/** Exact inverse of {@link addQuanta}; nothing may go below zero. */
export function takeQuanta(from: Quanta, less: Quanta): void {
  for (const [name, quantum] of less) {
    const left = (from.get(name) ?? 0) - quantum
    if (left > 0) from.set(name, left)
    else from.delete(name)
  }
}

/** The amounts in so many parts, which are as equal as whole numbers can be and together exactly as much. */
export function divideQuanta(quanta: Quanta, count: number): Quanta[] {
  return Array.from({ length: count }, (_, i) => {
    const part: Quanta = new Map()
    for (const [name, quantum] of quanta) {
      const amount = Math.floor(quantum / count) + (i < quantum % count ? 1 : 0)
      if (amount > 0) part.set(name, amount)
    }
    return part
  })
}

export function fitsIn(need: Quanta, free: Quanta): boolean {
  for (const [name, quantum] of need) if (quantum > (free.get(name) ?? 0)) return false
  return true
}

/** Whether `need` asks for at least all that `other` asks for, and of each of several GPUs for at least as much memory. */
export function covers(need: Quanta, other: Quanta): boolean {
  return fitsIn(other, need) && memoryOfEach(need) >= memoryOfEach(other)
}

function memoryOfEach(need: Quanta): number {
  return (need.get('gpuMemoryBytes') ?? 0) / Math.max(MILLION, need.get('gpu') ?? 0)
}

/** What of `need` is more than `free`; empty when it fits. */
export function lackOf(need: Quanta, free: Quanta): Quanta {
  const lack: Quanta = new Map()
  for (const [name, quantum] of need) {
    const missing = quantum - (free.get(name) ?? 0)
    if (missing > 0) lack.set(name, missing)
  }
  return lack
}
