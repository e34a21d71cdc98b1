/** What a budget counts over time, and the resource whose leases use it up. */
export const TIMED_RESOURCES = { cpuSeconds: 'cpuCores', gpuSeconds: 'gpu' } as const
export type TimedResource = keyof typeof TIMED_RESOURCES
export const TIMED = Object.keys(TIMED_RESOURCES) as TimedResource[]
export type BudgetResource = TimedResource | 'jobs'

/** A budget of which nothing is left. */
export interface UsedUp<Resource extends BudgetResource = BudgetResource> {
  resource: Resource
  used: number
  limit: number
  windowMs: number
  /** When some of it is there again, Unix ms; null when only another budget helps. */
  freeAt: number | null
}

/** `14:20`, with the date when it is another day. */
export function clockTime(atMs: number, nowMs: number): string {
  // Rounded up: at that minute there is more.
  const at = new Date(Math.ceil(atMs / 60_000) * 60_000)
  const two = (part: number) => String(part).padStart(2, '0')
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`
  if (at.toDateString() === new Date(nowMs).toDateString()) return time
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`
}
