import type { Job } from '@shared/contract'

export interface Timings {
  queuedMs: number
  loadMs: number
  computeMs: number
}

/**
 * The timings as they are at `nowMs`: what the job says, with the part it is in still growing. A job that has not
 * started is waiting all the time since it was submitted.
 */
export function timingsAt(job: Job, nowMs: number): Timings {
  const { queuedMs, loadMs, computeMs } = job.timings
  if (job.state === 'queued' || job.state === 'held') {
    const spent = loadMs + computeMs
    return { queuedMs: Math.max(queuedMs, nowMs - Date.parse(job.createdAt) - spent), loadMs, computeMs }
  }
  if (job.state === 'running' && job.startedAt !== null) {
    return { queuedMs, loadMs, computeMs: Math.max(computeMs, nowMs - Date.parse(job.startedAt) - loadMs) }
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
