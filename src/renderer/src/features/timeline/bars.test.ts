import { describe, expect, it } from 'vitest'
import { jobWith } from '../jobs/testing'
import { type Bar, barsOf, lanesOf, MOST_ROWS } from './bars'

const NOW = Date.parse('2026-01-01T00:10:00Z')
const at = (ms: number) => new Date(NOW + ms).toISOString()
const placement = [{ device: 'cpu0', amounts: { cpuCores: 1 } }]

const done = jobWith({
  id: 'done',
  state: 'succeeded',
  placement,
  timings: { queuedMs: 2_000, loadMs: 1_000, computeMs: 4_000 },
  startedAt: at(-10_000),
  finishedAt: at(-5_000),
})

describe('barsOf', () => {
  it('tells wait, load and run of a job that has ended, and is made once', () => {
    const [bar] = barsOf(done, NOW)
    expect(bar?.parts).toEqual([
      { kind: 'wait', fromMs: NOW - 12_000, toMs: NOW - 10_000 },
      { kind: 'load', fromMs: NOW - 10_000, toMs: NOW - 9_000 },
      { kind: 'run', fromMs: NOW - 9_000, toMs: NOW - 5_000 },
    ])
    expect(barsOf(done, NOW + 1_000)).toBe(barsOf(done, NOW))
  })

  it('goes on where a job that runs is expected to end', () => {
    const times = { startedAt: at(-5_000), loadedAt: at(-3_000), expectedAt: at(7_000) }
    const job = jobWith({ state: 'running', placement, ...times })
    expect(barsOf(job, NOW)[0]?.parts).toEqual([
      { kind: 'load', fromMs: NOW - 5_000, toMs: NOW - 3_000 },
      { kind: 'run', fromMs: NOW - 3_000, toMs: NOW },
      { kind: 'expected', fromMs: NOW, toMs: NOW + 7_000 },
    ])
    // Nothing has been heard of it since: its end stays where it was.
    expect(barsOf(job, NOW + 2_000)[0]?.toMs).toBe(NOW + 7_000)
    expect(barsOf(job, NOW + 9_000)[0]?.parts.map(({ kind }) => kind)).toEqual(['load', 'run'])
    const loading = jobWith({ state: 'running', placement, startedAt: at(-3_000) })
    expect(barsOf(loading, NOW)[0]?.parts).toEqual([{ kind: 'load', fromMs: NOW - 3_000, toMs: NOW }])
  })

  it('puts a job that waits where it is expected, never before now', () => {
    const estimate = {
      startsAt: at(-100),
      earliest: at(-500),
      latest: at(4_000),
      endsAt: at(9_000),
      devices: ['gpu0'],
    }
    const job = jobWith({ createdAt: at(-1_000), estimate })
    const [bar] = barsOf(job, NOW)
    expect(bar).toMatchObject({ device: 'gpu0', startsWithin: { fromMs: NOW, toMs: NOW + 4_000 } })
    expect(bar?.parts[0]).toEqual({ kind: 'wait', fromMs: NOW - 1_000, toMs: NOW })
    expect(bar?.parts.at(-1)).toEqual({ kind: 'expected', fromMs: NOW, toMs: NOW + 9_000 })
  })

  it('draws each attempt where it ran, and what it waited between them', () => {
    const earlier = {
      attempt: 1,
      startedAt: at(-20_000),
      finishedAt: at(-15_000),
      queuedMs: 1_000,
      loadMs: 2_000,
      placement: [{ device: 'gpu0', amounts: { gpu: 1 } }],
      end: 'preempted' as const,
    }
    const onGpu = [
      { kind: 'wait', fromMs: NOW - 21_000, toMs: NOW - 20_000 },
      { kind: 'load', fromMs: NOW - 20_000, toMs: NOW - 18_000 },
      { kind: 'stopped', fromMs: NOW - 18_000, toMs: NOW - 15_000 },
    ]
    const timings = { queuedMs: 6_000, loadMs: 3_000, computeMs: 4_000 }
    const again = jobWith({ ...done, attempt: 2, attempts: [earlier], timings })
    const bars = barsOf(again, NOW)
    expect(bars.map(({ device }) => device)).toEqual(['gpu0', 'cpu0'])
    expect(bars[0]?.parts).toEqual(onGpu)
    expect(bars[1]?.parts).toEqual([
      { kind: 'wait', fromMs: NOW - 15_000, toMs: NOW - 10_000 },
      { kind: 'load', fromMs: NOW - 10_000, toMs: NOW - 9_000 },
      { kind: 'run', fromMs: NOW - 9_000, toMs: NOW - 5_000 },
    ])

    const queued = jobWith({ attempt: 1, attempts: [earlier], startedAt: earlier.startedAt })
    const [before, now] = barsOf(queued, NOW)
    expect(before?.parts).toEqual(onGpu)
    expect(now).toMatchObject({ device: null, parts: [{ kind: 'wait', fromMs: NOW - 15_000, toMs: NOW }] })

    const held = { ...queued, state: 'held' as const }
    const cancelled = { ...queued, state: 'cancelled' as const, finishedAt: at(-1_000) }
    for (const job of [held, cancelled]) expect(barsOf(job, NOW).map(({ parts }) => parts)).toEqual([onGpu])
  })

  it('has one bar on a device that a job comes back to, and none of what it waited before what is kept', () => {
    const attempt = (n: number, end: 'failed' | 'interrupted') => ({
      attempt: n,
      startedAt: at(-100_000 + n * 10_000),
      finishedAt: at(-95_000 + n * 10_000),
      queuedMs: 3_000,
      loadMs: 0,
      placement,
      end,
    })
    const attempts = [attempt(7, 'failed'), attempt(8, 'interrupted')]
    const times = { startedAt: at(-10_000), loadedAt: at(-10_000) }
    const job = jobWith({ state: 'running', attempt: 9, attempts, placement, ...times })
    const [bar, ...others] = barsOf(job, NOW)
    expect(others).toEqual([])
    expect(bar).toMatchObject({ device: 'cpu0', fromMs: NOW - 30_000, toMs: NOW })
    expect(bar?.parts.map(({ kind }) => kind)).toEqual(['failed', 'wait', 'stopped', 'wait', 'run'])
  })

  it('has none for jobs that are held or never started', () => {
    expect(barsOf(jobWith({ state: 'held' }), NOW)).toEqual([])
    expect(barsOf(jobWith({ state: 'cancelled', finishedAt: at(-1) }), NOW)).toEqual([])
  })
})

describe('lanesOf', () => {
  it('packs without overlap, counts what has no row, and keeps a lane for the unknown', () => {
    const jobs = Array.from({ length: MOST_ROWS + 2 }, (_, i) => ({ ...done, id: `j${i}` }))
    const waits = jobWith({ createdAt: at(-1_000) })
    const [cpu, gpu, unknown] = lanesOf([...jobs, waits], ['cpu0', 'gpu0'], NOW)
    expect(cpu).toMatchObject({ device: 'cpu0', hidden: 2 })
    expect(cpu?.rows.every((row) => row.length === 1)).toBe(true)
    expect(gpu).toEqual({ device: 'gpu0', rows: [], hidden: 0 })
    expect(unknown?.device).toBeNull()
  })

  it('leaves out what jobs waited where their rows would not do', () => {
    const jobs = Array.from({ length: MOST_ROWS + 2 }, (_, i) => {
      const [startedAt, finishedAt] = [at(-10_000 + i), at(-9_999 + i)]
      const timings = { queuedMs: 5_000, loadMs: 0, computeMs: 1 }
      return jobWith({ id: `j${i}`, state: 'succeeded', placement, timings, startedAt, finishedAt })
    })
    const [cpu] = lanesOf(jobs, ['cpu0'], NOW)
    expect(cpu).toMatchObject({ hidden: 0 })
    expect(cpu?.rows).toHaveLength(1)
  })

  const estimateAt = (startMs: number) => ({
    startsAt: at(startMs),
    earliest: at(startMs),
    latest: at(startMs + 500),
    endsAt: at(startMs + 900),
    devices: ['cpu0'],
  })
  const waits = Array.from({ length: 60 }, (_, i) =>
    jobWith({ id: `w${i}`, queuedSince: at(-3_600_000), estimate: estimateAt(1_000 * (60 - i)) }),
  )
  const ends = Array.from({ length: 100 }, (_, i) => {
    const [startedAt, finishedAt] = [at(-200_000 + 1_000 * i), at(-199_100 + 1_000 * i)]
    const timings = { queuedMs: 900_000, loadMs: 0, computeMs: 900 }
    return jobWith({ id: `e${i}`, state: 'succeeded', placement, timings, startedAt, finishedAt })
  })
  const runs = jobWith({
    id: 'runs',
    state: 'running',
    placement,
    startedAt: at(-50_000),
    expectedAt: at(500),
    timings: { queuedMs: 1_800_000, loadMs: 0, computeMs: 0 },
  })
  const idsIn = (rows: Bar[][]) => rows.flat().map(({ job }) => job.id)

  it('shows what runs and ran, however much waits, and of that what is next to start', () => {
    const [cpu] = lanesOf([...waits, ...ends, runs], ['cpu0'], NOW)
    const shown = new Set(idsIn(cpu?.rows ?? []))
    for (const { id } of [runs, ...ends]) expect(shown).toContain(id)
    // One row is taken by what runs.
    const next = waits.slice(-(MOST_ROWS - 1)).map(({ id }) => id)
    expect(waits.map(({ id }) => id).filter((id) => shown.has(id))).toEqual(next)
    expect(cpu?.hidden).toBe(waits.length - next.length)
    // None of them is drawn over what ran.
    for (const bar of cpu?.rows.flat() ?? []) if (bar.job.state === 'queued') expect(bar.fromMs).toBe(NOW)
    for (const row of cpu?.rows ?? [])
      for (const [i, bar] of row.entries()) expect(bar.fromMs).toBeGreaterThanOrEqual(row[i - 1]?.toMs ?? 0)
  })

  it('shows what runs beside many that ran before and wait again: these where they ran', () => {
    const interrupted = {
      attempt: 1,
      startedAt: at(-90_000),
      finishedAt: at(-60_000),
      queuedMs: 0,
      loadMs: 0,
      placement,
      end: 'interrupted' as const,
    }
    const again = waits.slice(0, MOST_ROWS).map((job) => ({ ...job, attempt: 1, attempts: [interrupted] }))
    const [cpu] = lanesOf([...again, runs], ['cpu0'], NOW)
    expect(cpu?.hidden).toBe(0)
    expect(cpu?.rows.flat().find(({ job }) => job.id === 'runs')).toMatchObject({ fromMs: NOW - 50_000 })
    for (const bar of cpu?.rows.flat() ?? [])
      if (bar.job.state === 'queued') expect(bar).toMatchObject({ fromMs: NOW - 90_000, toMs: NOW - 60_000 })
  })

  it('keeps of thousands that wait for nobody knows what those that have waited longest', () => {
    const unknown = Array.from({ length: 5_000 }, (_, i) => jobWith({ id: `u${i}`, queuedSince: at(-1 - i) }))
    const [cpu, lane] = lanesOf([...unknown, ...ends], ['cpu0'], NOW)
    expect(idsIn(lane?.rows ?? []).sort()).toEqual(
      unknown
        .slice(-MOST_ROWS)
        .map(({ id }) => id)
        .sort(),
    )
    expect(lane?.hidden).toBe(unknown.length - MOST_ROWS)
    expect(cpu?.hidden).toBe(0)
  })
})
