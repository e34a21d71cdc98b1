import type { Device, Job, Lease } from '@shared/contract'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bar, FUTURE_MS, lanesOf, PAST_MS, packRows } from './lanes'

const NOW = Date.UTC(2026, 0, 1)
const iso = (offsetMs: number) => new Date(NOW + offsetMs).toISOString()
const cpu: Device = {
  id: 'd-1',
  kind: 'cpu',
  name: 'CPU',
  vendor: '',
  origin: 'detected',
  capacity: { cpuCores: 8 },
  properties: {},
  health: 'ok',
  foundBy: 'test',
  yieldsToOthers: false,
}
const job = (change: Partial<Job>): Job => ({
  id: 'j-1',
  kind: 'infer',
  name: 'one',
  model: null,
  modelVersion: null,
  dataset: null,
  state: 'running',
  priority: 50,
  preemptible: true,
  preemptions: 0,
  queuedSince: null,
  preemptedBy: null,
  attempt: 1,
  maxAttempts: 1,
  attempts: [],
  progress: 0,
  waitReason: null,
  waitCauses: [],
  estimateMs: null,
  expectedAt: null,
  loadedAt: null,
  estimate: null,
  need: {},
  place: null,
  placement: [{ device: 'd-1', amounts: { cpuCores: 1 } }],
  timings: { queuedMs: 0, loadMs: 0, computeMs: 0 },
  error: null,
  timeoutMs: null,
  dependsOn: [],
  runWhen: 'succeeded',
  pipeline: null,
  reusedFrom: null,
  labels: {},
  principal: 'p',
  createdAt: iso(-9e5),
  startedAt: iso(-60_000),
  finishedAt: null,
  ...change,
})
const lease = (change: Partial<Lease>): Lease => ({
  id: 'l-1',
  state: 'granted',
  need: {},
  placement: [{ device: 'd-1', amounts: { cpuCores: 1 } }],
  holder: 'p',
  job: 'j-1',
  purpose: 'job',
  priority: 50,
  createdAt: iso(-60_000),
  expiresAt: null,
  ...change,
})
const lanes = (jobs: Job[], leases: Lease[]) =>
  lanesOf([cpu], leases, new Map(jobs.map((j) => [j.id, j])), NOW)

describe('lanesOf', () => {
  it('draws a running job from its start to its estimate, on the device of its lease', () => {
    const [lane] = lanes([job({ expectedAt: iso(30_000) })], [lease({})])
    expect(lane?.rows).toEqual([
      [{ key: 'l-1', label: 'one', kind: 'running', fromMs: NOW - 60_000, toMs: NOW + 30_000, job: 'j-1' }],
    ])
  })

  it('cuts bars to the span and leaves out what ended before it', () => {
    const [lane] = lanes(
      [
        job({ id: 'j-1', state: 'succeeded', startedAt: iso(-400_000), finishedAt: iso(-100_000) }),
        job({ id: 'j-2', state: 'failed', startedAt: iso(-400_000), finishedAt: iso(-300_000) }),
      ],
      [],
    )
    expect(lane?.rows.flat()).toMatchObject([
      { key: 'j-1', kind: 'done', fromMs: NOW - PAST_MS, toMs: NOW - 100_000 },
    ])
  })

  it('counts every bar that is not drawn, and tells a cancelled job from one that is done', () => {
    const ended = Array.from({ length: 100 }, (_, i) =>
      job({ id: `j-${i}`, state: 'cancelled', startedAt: iso(-1_000), finishedAt: iso(-10) }),
    )
    const [lane] = lanes(ended, [])
    expect(lane?.rows.flat()).toHaveLength(3)
    expect(lane?.rows[0]?.[0]?.kind).toBe('cancelled')
    expect(lane?.hidden).toBe(97)
  })

  it('shows what an earlier attempt ran, on its device', () => {
    const attempt = {
      attempt: 1,
      startedAt: iso(-50_000),
      finishedAt: iso(-40_000),
      queuedMs: 0,
      loadMs: 0,
      placement: [{ device: 'd-1', amounts: { cpuCores: 1 } }],
      end: 'preempted' as const,
    }
    const [lane] = lanes([job({ state: 'queued', placement: null, attempts: [attempt] })], [])
    expect(lane?.rows.flat()).toEqual([
      {
        key: 'j-1/1',
        label: 'one',
        kind: 'interrupted',
        fromMs: NOW - 50_000,
        toMs: NOW - 40_000,
        job: 'j-1',
      },
    ])
  })

  it('shows a lease without a job as held, and jobs with an estimate as what is next', () => {
    const all = lanes(
      [
        job({ id: 'j-2', state: 'queued', placement: null, startedAt: null, expectedAt: iso(10_000) }),
        job({ id: 'j-3', state: 'queued', placement: null, startedAt: null, expectedAt: iso(FUTURE_MS * 2) }),
      ],
      [lease({ job: null, purpose: 'engine silero-vad@1' })],
    )
    expect(all[0]?.rows.flat()).toMatchObject([{ label: 'engine silero-vad@1', kind: 'held' }])
    expect(all[1]).toMatchObject({
      device: null,
      rows: [[{ key: 'j-2', kind: 'planned', fromMs: NOW + 10_000 }]],
    })
  })
})

describe('packRows', () => {
  it('never overlaps, never has more rows than allowed, and counts every bar', () => {
    const bars = fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 20 })), { maxLength: 30 })
    fc.assert(
      fc.property(bars, fc.integer({ min: 1, max: 4 }), (spans, maxRows) => {
        const list = spans.map(
          ([from, length], i): Bar => ({
            key: String(i),
            label: '',
            kind: 'done',
            fromMs: from,
            toMs: from + length,
            job: null,
          }),
        )
        const { rows, hidden } = packRows(list, maxRows)
        expect(rows.length).toBeLessThanOrEqual(maxRows)
        expect(rows.flat().length + hidden).toBe(list.length)
        for (const row of rows) {
          for (const [i, bar] of row.entries())
            if (i > 0) expect(bar.fromMs).toBeGreaterThanOrEqual(row[i - 1]!.toMs)
        }
      }),
    )
  })
})
