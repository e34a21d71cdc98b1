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
  /** What lies before or after these two is not drawn: it has no room. */
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
    for (const device of lanesFor(devices)) {
      const before = bars.get(device)
      const bar = before
        ? { ...before, parts: [...before.parts, ...parts], toMs: Math.max(before.toMs, toMs), startsWithin }
        : { job, device, parts, fromMs, toMs, startsWithin }
      bars.set(device, bar)
    }
  }
  return [...bars.values()]
}

function lanesFor(devices: readonly string[]): Set<string | null> {
  return new Set(devices.length > 0 ? devices : [null])
}

/** A lane for each device, in their order, then one for what is not known; bars in rows without overlap. */
export function lanesOf(jobs: Iterable<Job>, devices: readonly string[], nowMs: number): Lane[] {
  const byDevice = new Map<string | null, { bars: Bar[]; count: number }>()
  const laneOf = (device: string | null) => {
    const lane = byDevice.get(device) ?? { bars: [], count: 0 }
    byDevice.set(device, lane)
    return lane
  }
  for (const device of devices) laneOf(device)
  const { seen, unseen } = seenOf(jobs)
  for (const job of unseen) for (const device of lanesFor(job.estimate?.devices ?? [])) laneOf(device).count++
  for (const job of seen)
    for (const bar of barsOf(job, nowMs)) {
      const lane = laneOf(bar.device)
      lane.bars.push(bar)
      lane.count++
    }
  return [...byDevice].map(([device, { bars, count }]) => {
    const rows = rowsOf(bars, nowMs)
    return { device, rows, hidden: count - countOf(rows) }
  })
}

/**
 * Without the jobs, and there may be thousands, that wait behind so many others for the same devices that they get no row: all
 * that wait overlap now.
 */
function seenOf(jobs: Iterable<Job>): { seen: Job[]; unseen: Job[] } {
  const seen: Job[] = []
  const waiting = new Map<string, { job: Job; turn: string }[]>()
  for (const job of jobs) {
    if (job.state !== 'queued' || job.attempts.length > 0) {
      seen.push(job)
      continue
    }
    const key = job.estimate?.devices.join() ?? ''
    const turn = job.estimate?.startsAt ?? job.queuedSince ?? job.createdAt
    const others = waiting.get(key)
    if (others) others.push({ job, turn })
    else waiting.set(key, [{ job, turn }])
  }
  const unseen: Job[] = []
  for (const line of waiting.values()) {
    // Times of one form: the order of their letters is that of time.
    if (line.length > MOST_ROWS) line.sort((a, b) => (a.turn < b.turn ? -1 : Number(a.turn > b.turn)))
    for (const [place, { job }] of line.entries()) (place < MOST_ROWS ? seen : unseen).push(job)
  }
  return { seen, unseen }
}

/** Where there is no row for each, what runs and ran comes first, without its waits; then what waits, the next to start first. */
function rowsOf(bars: readonly Bar[], nowMs: number): Bar[][] {
  const all = packed(bars.toSorted(byBegin))
  if (countOf(all) === bars.length) return all
  const ran: Bar[] = []
  const waits: Bar[] = []
  for (const bar of bars) {
    const { job, parts } = bar
    const did = parts.filter(
      ({ kind }) => kind !== 'wait' && (kind !== 'expected' || job.state === 'running'),
    )
    const [first, last] = [did[0], did.at(-1)]
    if (first && last) ran.push({ ...bar, fromMs: first.fromMs, toMs: last.toMs, startsWithin: null })
    else if (job.state === 'queued') waits.push(bar)
  }
  // Where no start is known, the wait is all there is to see.
  const next = waits.sort(byStart).map((bar) => (bar.device === null ? bar : { ...bar, fromMs: nowMs }))
  return packed(next, packed(ran.sort(byBegin)))
}

function byBegin(a: Bar, b: Bar): number {
  return a.fromMs - b.fromMs || a.toMs - b.toMs
}

/** By when they are expected to start, or since when they wait. */
function byStart(a: Bar, b: Bar): number {
  return (a.parts.at(-1)?.fromMs ?? 0) - (b.parts.at(-1)?.fromMs ?? 0)
}

/** One after the other, each in the first row that is free behind its last; what has no row is left out. */
function packed(bars: readonly Bar[], rows: Bar[][] = []): Bar[][] {
  for (const bar of bars) {
    const free = rows.find((row) => (row.at(-1)?.toMs ?? 0) <= bar.fromMs)
    if (free) free.push(bar)
    else if (rows.length < MOST_ROWS) rows.push([bar])
  }
  return rows
}

function countOf(rows: readonly Bar[][]): number {
  return rows.reduce((sum, row) => sum + row.length, 0)
}
