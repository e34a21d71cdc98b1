import { describe, expect, it } from 'vitest'
import { jobWith } from '../jobs/testing'
import { barsOf, lanesOf, MOST_ROWS } from './bars'

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
})
