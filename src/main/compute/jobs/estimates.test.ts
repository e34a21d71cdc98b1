import { describe, expect, it } from 'vitest'
import { Estimates } from './estimates'
import type { JobDefinition } from './job-row'

function batch(items: number, more: object = {}): JobDefinition {
  return {
    kind: 'batch',
    model: 'm',
    modelVersion: 1,
    parameters: { kind: 'batch', threads: 1 },
    need: {},
    items,
    ...more,
  } as unknown as JobDefinition
}

const generate = (maxTokens: number, completions = 1) =>
  batch(1, {
    kind: 'generate',
    parameters: { kind: 'generate', threads: 1, sampling: { maxTokens, completions } },
  })

describe('estimates', () => {
  it('serve what is closest: this size on this device, this device, this size, anything like it', () => {
    const estimates = new Estimates()
    expect(estimates.runMs(batch(8))).toBeNull()
    estimates.observeRun(batch(8), 80, 'gpu0')
    expect(estimates.runMs(batch(1_024))).toBe(10_240)
    estimates.observeRun(batch(1_024), 1_024, 'gpu1')
    expect(estimates.runMs(batch(8))).toBe(80)
    expect(estimates.runMs(batch(1_000))).toBe(1_000)
    expect(estimates.runMsOn(batch(8), 'gpu1')).toBe(8)
    estimates.observeRun(batch(8), 24, 'gpu1')
    expect(estimates.runMsOn(batch(8), 'gpu1')).toBe(24)
    expect(estimates.runMsOn(batch(1_024), 'gpu1')).toBe(1_024)
    expect(estimates.runMsOn(batch(8), 'gpu2')).toBe(estimates.runMs(batch(8)))
  })

  it('of texts grow with the tokens that may be written', () => {
    const estimates = new Estimates()
    estimates.observeRun(generate(16), 160, null)
    expect(estimates.runMs(generate(4_096))).toBe(40_960)
    expect(estimates.runMs(generate(16, 3))).toBe(480)
  })

  it('learn nothing from loads whose length is told: one device is no faster for having had the shorter ones', () => {
    const estimates = new Estimates()
    const load = (durationMs: number) =>
      batch(1, { kind: 'synthetic', parameters: { kind: 'synthetic', durationMs } })
    expect(estimates.observeRun(load(10_000), 10_000, 'gpu0')).toBe(false)
    estimates.observeRun(load(100), 100, 'gpu1')
    expect(['gpu0', 'gpu1'].map((device) => estimates.runMsOn(load(500), device))).toEqual([500, 500])
    expect(estimates.knows(load(500), 'gpu1')).toBe(false)
    expect(estimates.takeMoved().size).toBe(0)
  })

  it('say whose have moved by much, once', () => {
    const estimates = new Estimates()
    expect(estimates.takeMoved().size).toBe(0)
    expect(estimates.observeRun(batch(8), 80, null)).toBe(true)
    expect([...estimates.takeMoved()]).toEqual(['m@1#1'])
    for (let i = 0; i < 5; i++) expect(estimates.observeRun(batch(8), 82, null)).toBe(false)
    expect(estimates.takeMoved().size).toBe(0)
    estimates.observeRun(batch(8), 120, null)
    expect([...estimates.takeMoved()]).toEqual(['m@1#1'])
    // A little each time is much together.
    let moved = 0
    for (let i = 0; i < 40; i++) {
      estimates.observeRun(batch(8), 300, null)
      moved += estimates.takeMoved().size
    }
    expect(moved).toBeGreaterThan(2)
    expect(estimates.runMs(batch(8))).toBeCloseTo(300, 0)
  })
})
