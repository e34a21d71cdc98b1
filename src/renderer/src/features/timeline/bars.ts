import type { EarlierAttempt, Job, Placement } from '@shared/contract'

/** `failed` and `stopped`: the run of an attempt after which the job went on. */
export type PartKind = 'wait' | 'load' | 'run' | 'failed' | 'stopped' | 'expected'
export interface Part {
  kind: PartKind
  fromMs: number
  toMs: number
}
/** A job on one device; parts follow each other. */
export interface Bar {
  job: Job
  device: string | null
  parts: Part[]
  fromMs: number
  toMs: number
  /** Four in five start within. */
  startsWithin: { fromMs: number; toMs: number } | null
}
export interface Lane {
  /** Null: jobs that wait and whose start nobody knows. */
  device: string | null
  rows: Bar[][]
  hidden: number
}

export const MOST_ROWS = 40
/** A job of unknown length that is expected to start is drawn so long. */
const UNKNOWN_MS = 2_000

/** What ended is drawn again and again, and never changes. */
const ended = new WeakMap<Job, Bar[]>()

/** A job with its waits, loads and runs on each device that it had, has or is expected to have. */
export function barsOf(job: Job, nowMs: number): Bar[] {
  if (job.finishedAt === null) return onDevices(job, stretchesOf(job, nowMs))
  const known = ended.get(job)
  if (known) return known
  const bars = onDevices(job, stretchesOf(job, nowMs))
  ended.set(job, bars)
  return bars
}

/** What a job did, or is expected to do, on some devices at once. */
interface Stretch {
  devices: readonly string[]
  parts: Part[]
  startsWithin: Bar['startsWithin']
}

function stretchesOf(job: Job, nowMs: number): Stretch[] {
  const before = job.attempts.map((attempt, i) => earlier(attempt, job.attempts[i - 1]))
  const last = job.attempts.at(-1)
  if (job.state === 'queued') return [...before, waits(job, last, nowMs)]
  const goesOnOrEnded = job.state === 'running' || job.finishedAt !== null
  const isAnother = last === undefined || job.attempt > last.attempt
  return goesOnOrEnded && isAnother && job.startedAt !== null
    ? [...before, runs(job, job.startedAt, last, nowMs)]
    : before
}

function earlier(attempt: EarlierAttempt, before: EarlierAttempt | undefined): Stretch {
  const startedAt = Date.parse(attempt.startedAt)
  const until = Date.parse(attempt.finishedAt)
  const loaded = Math.min(until, startedAt + attempt.loadMs)
  // What came before is not kept of one that is not the first.
  const waitedMs = attempt.attempt === 1 ? attempt.queuedMs : 0
  const since = before ? Date.parse(before.finishedAt) : startedAt - waitedMs
  const run = attempt.end === 'failed' ? 'failed' : 'stopped'
  const parts = [part('wait', since, startedAt), part('load', startedAt, loaded), part(run, loaded, until)]
  return { devices: devicesOf(attempt.placement), parts, startsWithin: null }
}

function runs(job: Job, started: string, last: EarlierAttempt | undefined, nowMs: number): Stretch {
  const startedAt = Date.parse(started)
  const until = job.finishedAt === null ? Math.max(nowMs, startedAt) : Date.parse(job.finishedAt)
  const loaded = Math.min(until, job.finishedAt === null ? loadedOf(job, until) : startedAt + lastLoadMs(job))
  const parts = [
    part('wait', last ? Date.parse(last.finishedAt) : startedAt - job.timings.queuedMs, startedAt),
    part('load', startedAt, loaded),
    part('run', loaded, until),
  ]
  if (job.finishedAt === null && job.expectedAt !== null)
    parts.push(part('expected', until, Date.parse(job.expectedAt)))
  return { devices: devicesOf(job.placement), parts, startsWithin: null }
}

function loadedOf({ loadedAt }: Job, nowMs: number): number {
  return loadedAt === null ? nowMs : Date.parse(loadedAt)
}

/** The job counts what all its attempts took. */
function lastLoadMs({ attempts, timings }: Job): number {
  return Math.max(
    0,
    attempts.reduce((rest, attempt) => rest - attempt.loadMs, timings.loadMs),
  )
}

function waits(job: Job, last: EarlierAttempt | undefined, nowMs: number): Stretch {
  const since = last
    ? Date.parse(last.finishedAt)
    : job.queuedSince === null
      ? nowMs - job.timings.queuedMs
      : Date.parse(job.queuedSince)
  if (job.estimate === null) return { devices: [], parts: [part('wait', since, nowMs)], startsWithin: null }
  const startsAt = Math.max(nowMs, Date.parse(job.estimate.startsAt))
  const endsAt = job.estimate.endsAt === null ? startsAt + UNKNOWN_MS : Date.parse(job.estimate.endsAt)
  const startsWithin = {
    fromMs: Math.max(nowMs, Date.parse(job.estimate.earliest)),
    toMs: Math.max(nowMs, Date.parse(job.estimate.latest)),
  }
  const parts = [part('wait', since, nowMs), part('expected', startsAt, Math.max(startsAt, endsAt))]
  return { devices: job.estimate.devices, parts, startsWithin }
}

function part(kind: PartKind, fromMs: number, toMs: number): Part {
  return { kind, fromMs, toMs }
}

function devicesOf(placement: Placement | null): string[] {
  return placement?.map(({ device }) => device) ?? []
}

/** One bar for each device, however often the job was there. */
function onDevices(job: Job, stretches: readonly Stretch[]): Bar[] {
  const bars = new Map<string | null, Bar>()
  for (const { devices, parts: all, startsWithin } of stretches) {
    const parts = all.filter(({ fromMs, toMs }) => toMs > fromMs)
    const fromMs = Math.min(...parts.map((of) => of.fromMs))
    const toMs = Math.max(...parts.map((of) => of.toMs), startsWithin?.toMs ?? Number.NEGATIVE_INFINITY)
    if (parts.length === 0) continue
    for (const device of new Set(devices.length > 0 ? devices : [null])) {
      const before = bars.get(device)
      const bar = before
        ? { ...before, parts: [...before.parts, ...parts], toMs: Math.max(before.toMs, toMs), startsWithin }
        : { job, device, parts, fromMs, toMs, startsWithin }
      bars.set(device, bar)
    }
  }
  return [...bars.values()]
}

/** A lane for each device, in their order, then one for what is not known; bars in rows without overlap. */
export function lanesOf(jobs: Iterable<Job>, devices: readonly string[], nowMs: number): Lane[] {
  const byDevice = new Map<string | null, Bar[]>(devices.map((id) => [id, []]))
  for (const job of jobs)
    for (const bar of barsOf(job, nowMs)) {
      const bars = byDevice.get(bar.device)
      if (bars) bars.push(bar)
      else byDevice.set(bar.device, [bar])
    }
  return [...byDevice].map(([device, bars]) => {
    const all = packed(bars)
    // Where so many overlap, what they waited would push out what they ran.
    return { device, ...(all.hidden > 0 ? packed(bars.map(withoutWait)) : all) }
  })
}

function withoutWait(bar: Bar): Bar {
  const parts = bar.parts.filter(({ kind }) => kind !== 'wait')
  const [first] = parts
  return bar.job.finishedAt === null || !first ? bar : { ...bar, parts, fromMs: first.fromMs }
}

/** The earliest first, each in the first row that is free. */
function packed(bars: Bar[]): { rows: Bar[][]; hidden: number } {
  const rows: Bar[][] = []
  let hidden = 0
  for (const bar of bars.sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs)) {
    const free = rows.find((row) => (row.at(-1)?.toMs ?? 0) <= bar.fromMs)
    if (free) free.push(bar)
    else if (rows.length < MOST_ROWS) rows.push([bar])
    else hidden++
  }
  return { rows, hidden }
}
