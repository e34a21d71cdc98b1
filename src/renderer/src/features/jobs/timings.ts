import type { Job } from '@shared/contract'
import { formatDuration } from '@shared/domain/units'

export interface Timings {
  queuedMs: number
  loadMs: number
  computeMs: number
}

/**
 * The timings as they are at `nowMs`: what the job says, with the part it is in still growing. What waits for other jobs, or
 * on hold, is not in the queue.
 */
export function timingsAt(job: Job, nowMs: number): Timings {
  const { queuedMs, loadMs, computeMs } = job.timings
  if (job.queuedSince !== null)
    return { queuedMs: Math.max(queuedMs, nowMs - Date.parse(job.queuedSince)), loadMs, computeMs }
  if (job.state === 'running' && job.startedAt !== null) {
    // The sums are of earlier attempts: what the present one takes is added to them when it ends.
    const loadedMs = job.loadedAt === null ? nowMs : Date.parse(job.loadedAt)
    return {
      queuedMs,
      loadMs: loadMs + Math.max(0, loadedMs - Date.parse(job.startedAt)),
      computeMs: computeMs + Math.max(0, nowMs - loadedMs),
    }
  }
  return { queuedMs, loadMs, computeMs }
}

/** One figure of `wait / load / run` in seconds: short, and exact where it is small. */
export function secondsText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 0.0005) return '0'
  if (seconds < 0.01) return seconds.toFixed(3)
  if (seconds < 1) return seconds.toFixed(2)
  if (seconds < 100) return seconds.toFixed(1)
  return Math.round(seconds).toLocaleString('en-US')
}

/** Whether any of a job's time has begun to count; what waits for other jobs, or was never let go, has none to show. */
export function hasTimings({ queuedSince, startedAt, timings }: Job): boolean {
  return queuedSince !== null || startedAt !== null || timings.queuedMs > 0
}

function millisecondsText(ms: number): string {
  return ms < 10 ? String(Number(ms.toFixed(1))) : String(Math.round(ms))
}

const MINUTES_FROM_MS = 600_000

/** `8 / 804 / 4 ms` and `0.4 / 0.2 / 212 s`, by the longest; beside a part of ten minutes and more, whole seconds are enough: `0 / 4 s / 13 min`. */
export function timingsText(timings: Timings): string {
  const parts = [timings.queuedMs, timings.loadMs, timings.computeMs]
  if (parts.every((ms) => ms < 999.5)) return `${parts.map(millisecondsText).join(' / ')} ms`
  if (parts.every((ms) => ms < MINUTES_FROM_MS)) return `${parts.map(secondsText).join(' / ')} s`
  const minutes = (ms: number) => formatDuration(Math.round(ms / 60_000) * 60_000)
  return parts
    .map((ms) => (ms >= MINUTES_FROM_MS ? minutes(ms) : ms < 500 ? '0' : `${Math.round(ms / 1000)} s`))
    .join(' / ')
}

/** `41 s` while a job that has not started waits, then `wait / load / run`; `–` while none of its time counts. */
export function timesText(job: Job, nowMs: number): string {
  if (!hasTimings(job)) return '–'
  const timings = timingsAt(job, nowMs)
  const { queuedMs, loadMs, computeMs } = timings
  const waits = (job.state === 'queued' || job.state === 'held') && loadMs + computeMs === 0
  if (!waits) return timingsText(timings)
  return queuedMs < 500 ? '0 s' : formatDuration(Math.round(queuedMs / 1000) * 1000)
}

/** Shares of a bar, together 1; a part that exists is at least `least`, so that it can be seen. */
export function shares(timings: Timings, least = 0.02): [number, number, number] {
  const parts = [timings.queuedMs, timings.loadMs, timings.computeMs].map((ms) => Math.max(0, ms))
  const total = parts.reduce((sum, ms) => sum + ms, 0)
  if (total === 0) return [0, 0, 0]
  const widened = parts.map((ms) => (ms > 0 ? Math.max(ms / total, least) : 0))
  const sum = widened.reduce((all, share) => all + share, 0)
  const [queued = 0, load = 0, compute = 0] = widened.map((share) => share / sum)
  return [queued, load, compute]
}
