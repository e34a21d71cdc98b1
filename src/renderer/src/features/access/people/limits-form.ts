import type { Quota, QuotaSettings } from '@shared/contract'
import { entriesOf, type ResourceVector, vectorFrom } from '@shared/domain/resources'

const GIGABYTE = 1e9
const HOUR_MS = 3_600_000

/** What is typed: numbers, or an empty text for no limit. */
export interface LimitsForm {
  /** By resource, memory in GB; a resource that is not here has no limit. */
  amounts: Record<string, number | string>
  cpuSeconds: number | string
  gpuSeconds: number | string
  jobs: number | string
  windowMs: number
  weight: number | string
}

export const WINDOWS_MS = [60_000, HOUR_MS, 24 * HOUR_MS, 7 * 24 * HOUR_MS] as const

export function isMemory(resource: string): boolean {
  return resource.endsWith('Bytes')
}

/** A form of what is set. */
export function formOf({ limit, budget, weight }: Quota): LimitsForm {
  return {
    amounts: Object.fromEntries(
      [...namedOf(limit)].map(([name, amount]) => [name, isMemory(name) ? amount / GIGABYTE : amount]),
    ),
    cpuSeconds: budget?.cpuSeconds ?? '',
    gpuSeconds: budget?.gpuSeconds ?? '',
    jobs: budget?.jobs ?? '',
    windowMs: budget?.windowMs ?? HOUR_MS,
    weight,
  }
}

/** The resources that have a field: those of the machine, and those that have a limit without being there. */
export function resourcesOf({ amounts }: LimitsForm, capacity: ResourceVector): string[] {
  return [...new Set([...entriesOf(capacity).map(([name]) => name), ...Object.keys(amounts)])]
}

/** What the form says; null where something in it is no amount. */
export function settingsOf(form: LimitsForm, principal: string): QuotaSettings | null {
  const isAmount = (value: number | string) => value === '' || (typeof value === 'number' && value >= 0)
  const { cpuSeconds, gpuSeconds, jobs, windowMs, weight } = form
  if (![...Object.values(form.amounts), cpuSeconds, gpuSeconds, jobs].every(isAmount)) return null
  if (typeof weight !== 'number' || weight < 0.01 || weight > 100) return null
  const named = (name: string, value: number | string) => (value === '' ? {} : { [name]: Number(value) })
  const counted = {
    ...named('cpuSeconds', cpuSeconds),
    ...named('gpuSeconds', gpuSeconds),
    ...named('jobs', jobs),
  }
  return {
    principal,
    limit: limitOf(form.amounts),
    budget: Object.keys(counted).length > 0 ? { ...counted, windowMs } : null,
    weight,
  }
}

/** Zeros included: a limit of nothing is a limit. */
export function namedOf({ custom, ...plain }: ResourceVector): Map<string, number> {
  const named = new Map<string, number>()
  for (const [name, amount] of Object.entries(plain)) if (amount !== undefined) named.set(name, amount)
  for (const [name, amount] of Object.entries(custom ?? {})) named.set(`custom.${name}`, amount)
  return named
}

function limitOf(amounts: LimitsForm['amounts']): ResourceVector {
  const given = Object.entries(amounts).filter(([, amount]) => amount !== '')
  const scaled = given.map(
    ([name, amount]) =>
      [name, Math.max(0, isMemory(name) ? Math.round(Number(amount) * GIGABYTE) : Number(amount))] as const,
  )
  const zeros = scaled.filter(([, amount]) => amount === 0).map(([name]) => name)
  const limit = vectorFrom(scaled)
  for (const name of zeros) {
    if (name.startsWith('custom.')) limit.custom = { ...limit.custom, [name.slice('custom.'.length)]: 0 }
    else limit[name as Exclude<keyof ResourceVector, 'custom'>] = 0
  }
  return limit
}
