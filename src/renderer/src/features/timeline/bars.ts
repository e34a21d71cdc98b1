import type { Job } from '@shared/contract'

export type PartKind = 'wait' | 'load' | 'run' | 'expected'
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

/** A job with its wait, load and run on each device that it has or is expected to have. */
export function barsOf(job: Job, nowMs: number): Bar[] {
  if (job.finishedAt === null)
    return job.startedAt === null || job.state === 'queued' ? waits(job, nowMs) : runs(job, nowMs)
  const known = ended.get(job)
  if (known) return known
  const bars = runs(job, nowMs)
  ended.set(job, bars)
  return bars
}

function runs(job: Job, nowMs: number): Bar[] {
  if (job.startedAt === null) return []
  const { queuedMs, loadMs } = job.timings
  const startedAt = Date.parse(job.startedAt)
  const until = job.finishedAt === null ? Math.max(nowMs, startedAt) : Date.parse(job.finishedAt)
  const loaded = Math.min(until, startedAt + loadMs)
  const parts = [
    part('wait', startedAt - queuedMs, startedAt),
    part('load', startedAt, loaded),
    part('run', loaded, until),
  ]
  if (job.finishedAt === null && job.expectedAt !== null)
    parts.push(part('expected', until, Date.parse(job.expectedAt)))
  return onEach(job, job.placement?.map(({ device }) => device) ?? [], parts, null)
}

function waits(job: Job, nowMs: number): Bar[] {
  if (job.state !== 'queued') return []
  // What a job says it has waited is as old as its last change; one with others before it has waited since they ended.
  const since = job.dependsOn.length > 0 ? nowMs - job.timings.queuedMs : Date.parse(job.createdAt)
  if (job.estimate === null) return onEach(job, [], [part('wait', since, nowMs)], null)
  const startsAt = Math.max(nowMs, Date.parse(job.estimate.startsAt))
  const endsAt = job.estimate.endsAt === null ? startsAt + UNKNOWN_MS : Date.parse(job.estimate.endsAt)
  const within = {
    fromMs: Math.max(nowMs, Date.parse(job.estimate.earliest)),
    toMs: Math.max(nowMs, Date.parse(job.estimate.latest)),
  }
  const parts = [part('wait', since, nowMs), part('expected', startsAt, Math.max(startsAt, endsAt))]
  return onEach(job, job.estimate.devices, parts, within)
}

function part(kind: PartKind, fromMs: number, toMs: number): Part {
  return { kind, fromMs, toMs }
}

function onEach(job: Job, devices: readonly string[], all: Part[], startsWithin: Bar['startsWithin']): Bar[] {
  const parts = all.filter(({ fromMs, toMs }) => toMs > fromMs)
  const fromMs = Math.min(...parts.map((of) => of.fromMs))
  const toMs = Math.max(...parts.map((of) => of.toMs), startsWithin?.toMs ?? Number.NEGATIVE_INFINITY)
  if (parts.length === 0) return []
  return (devices.length > 0 ? [...new Set(devices)] : [null]).map((device) => ({
    job,
    device,
    parts,
    fromMs,
    toMs,
    startsWithin,
  }))
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
