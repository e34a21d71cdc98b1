import { formatDuration } from './units'

/** What a budget counts over time, and the resource whose leases use it up. */
export const TIMED_RESOURCES = { cpuSeconds: 'cpuCores', gpuSeconds: 'gpu' } as const
export type TimedResource = keyof typeof TIMED_RESOURCES
export type BudgetResource = TimedResource | 'jobs'

const WORDS: Record<BudgetResource, string> = {
  cpuSeconds: 'CPU seconds',
  gpuSeconds: 'GPU seconds',
  jobs: 'jobs',
}

/** A budget of which nothing is left. */
export interface UsedUp<Resource extends BudgetResource = BudgetResource> {
  resource: Resource
  used: number
  limit: number
  windowMs: number
  /** When some of it is there again, Unix ms; null when only another budget helps. */
  freeAt: number | null
}

/** `3600 of 3600 CPU seconds of the last hour used; more from 14:20`. */
export function usedUpInWords({ resource, used, limit, windowMs, freeAt }: UsedUp, nowMs: number): string {
  const window = windowMs === 3_600_000 ? 'hour' : formatDuration(windowMs)
  const until = freeAt === null ? 'no more until it is raised' : `more from ${clockTime(freeAt, nowMs)}`
  // Never more than the limit at a glance, where rounding would say so.
  return `${Math.floor(used)} of ${Math.floor(limit)} ${WORDS[resource]} of the last ${window} used; ${until}`
}

/** `14:20`, with the date when it is another day. */
function clockTime(atMs: number, nowMs: number): string {
  // Rounded up: at that minute there is more.
  const at = new Date(Math.ceil(atMs / 60_000) * 60_000)
  const two = (part: number) => String(part).padStart(2, '0')
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`
  if (at.toDateString() === new Date(nowMs).toDateString()) return time
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`
}
