import type { Device, Job, Lease } from '@shared/contract'
import { byKind } from '../../lib/devices'
import { purposeWords } from '../../lib/words'

export type BarKind = 'running' | 'planned' | 'done' | 'failed' | 'cancelled' | 'interrupted' | 'held'

export interface Bar {
  key: string
  label: string
  kind: BarKind
  fromMs: number
  toMs: number
  job: string | null
}
export interface Lane {
  /** Null: what is next, on a device not yet chosen. */
  device: string | null
  /** Bars that do not overlap, a row each. */
  rows: Bar[][]
  /** Bars for which there was no row. */
  hidden: number
}

export const PAST_MS = 180_000
export const FUTURE_MS = 120_000
const MAX_ROWS = 3
const MAX_BARS = 60

/** Bars into rows without overlap, the earliest first into the first row that is free. */
export function packRows(bars: readonly Bar[], maxRows: number): { rows: Bar[][]; hidden: number } {
  const rows: Bar[][] = []
  let hidden = 0
  for (const bar of [...bars].sort((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs)) {
    const free = rows.find((row) => (row.at(-1)?.toMs ?? 0) <= bar.fromMs)
    if (free) free.push(bar)
    else if (rows.length < maxRows) rows.push([bar])
    else hidden++
  }
  return { rows, hidden }
}

/** What each device does from `PAST_MS` ago to `FUTURE_MS` ahead, from the leases, the jobs and their estimates. */
export function lanesOf(
  devices: Iterable<Device>,
  leases: Iterable<Lease>,
  jobs: ReadonlyMap<string, Job>,
  nowMs: number,
): Lane[] {
  const fromMs = nowMs - PAST_MS
  const toMs = nowMs + FUTURE_MS
  const byDevice = new Map<string, Bar[]>()
  const planned: Bar[] = []
  const add = (device: string, bar: Bar) => {
    const clipped = { ...bar, fromMs: Math.max(bar.fromMs, fromMs), toMs: Math.min(bar.toMs, toMs) }
    if (clipped.toMs <= clipped.fromMs) return
    const bars = byDevice.get(device)
    if (bars) bars.push(clipped)
    else byDevice.set(device, [clipped])
  }

  for (const lease of leases) {
    if (lease.state !== 'granted') continue
    const job = lease.job === null ? undefined : jobs.get(lease.job)
    if (job && job.state !== 'running') continue
    for (const device of new Set(lease.placement.map((part) => part.device))) {
      add(device, {
        key: lease.id,
        label: job?.name ?? purposeWords(lease),
        kind: job ? 'running' : 'held',
        fromMs: Date.parse(job?.startedAt ?? lease.createdAt),
        toMs: job ? Math.max(nowMs, job.expectedAt === null ? 0 : Date.parse(job.expectedAt)) : toMs,
        job: job?.id ?? null,
      })
    }
  }
  for (const job of jobs.values()) {
    for (const { attempt, placement, startedAt, finishedAt, end } of job.attempts)
      for (const device of new Set(placement.map((part) => part.device)))
        add(device, {
          key: `${job.id}/${attempt}`,
          label: job.name,
          kind: end === 'failed' ? 'failed' : 'interrupted',
          fromMs: Date.parse(startedAt),
          toMs: Date.parse(finishedAt),
          job: job.id,
        })
    if (job.finishedAt !== null && job.startedAt !== null && Date.parse(job.finishedAt) > fromMs) {
      const kind = job.state === 'failed' || job.state === 'cancelled' ? job.state : 'done'
      for (const device of new Set(job.placement?.map((part) => part.device))) {
        add(device, {
          key: job.id,
          label: job.name,
          kind,
          fromMs: Date.parse(job.startedAt),
          toMs: Date.parse(job.finishedAt),
          job: job.id,
        })
      }
    } else if (job.state === 'queued' && job.expectedAt !== null) {
      const startMs = Math.max(nowMs, Date.parse(job.expectedAt))
      if (startMs >= toMs) continue
      planned.push({ key: job.id, label: job.name, kind: 'planned', fromMs: startMs, toMs, job: job.id })
    }
  }

  const lanes = [...devices].sort(byKind).map(({ id }): Lane => {
    const bars = byDevice.get(id) ?? []
    const drawn = newest(bars)
    const { rows, hidden } = packRows(drawn, MAX_ROWS)
    return { device: id, rows, hidden: hidden + bars.length - drawn.length }
  })
  if (planned.length > 0) {
    planned.sort((a, b) => a.fromMs - b.fromMs)
    lanes.push({
      device: null,
      ...packRows(planned.slice(0, MAX_ROWS), MAX_ROWS),
      hidden: Math.max(0, planned.length - MAX_ROWS),
    })
  }
  return lanes
}

/** A machine that ends a thousand jobs a second still draws few bars: what runs, then the newest. */
function newest(bars: Bar[]): Bar[] {
  return bars.length <= MAX_BARS ? bars : bars.sort((a, b) => b.toMs - a.toMs).slice(0, MAX_BARS)
}
