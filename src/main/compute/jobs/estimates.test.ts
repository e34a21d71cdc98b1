import { describe, expect, it } from 'vitest'
import { Estimates, likenessOf } from './estimates'
import type { JobDefinition } from './job-row'

function batch(items: number, more: object = {}): JobDefinition {
  return {
    kind: 'batch',
    model: 'm',
    modelVersion: 1,
    parameters: { kind: 'batch', threads: 1, batchSize: 1 },
    need: {},
    items,
    ...more,
  } as unknown as JobDefinition
}

const inStacks = (items: number, batchSize: number, more: object = {}) =>
  batch(items, { parameters: { kind: 'batch', threads: 1, batchSize }, ...more })

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

  it('know how many items go in one call of the model, and else serve those of any number', () => {
    const estimates = new Estimates()
    for (let i = 0; i < 3; i++) {
      estimates.observeRun(inStacks(1_000, 1), 10_000, 'gpu0')
      expect(estimates.runMs(inStacks(1_000, 512))).toBe(10_000)
    }
    for (let i = 0; i < 3; i++) {
      estimates.observeRun(inStacks(1_000, 1), 10_000, 'gpu0')
      estimates.observeRun(inStacks(1_000, 64), 500, 'gpu0')
    }
    expect(estimates.runMs(inStacks(1_000, 1))).toBeCloseTo(10_000)
    expect(estimates.runMs(inStacks(1_000, 60))).toBeCloseTo(500)
    expect(estimates.runMsOn(inStacks(1_000, 64), 'gpu0')).toBeCloseTo(500)
    // Of another length, too: what one call takes says more of an item than how many items there are.
    expect(estimates.runMs(inStacks(8_000, 64))).toBeCloseTo(4_000)
    expect(estimates.runMsOn(inStacks(8_000, 64), 'gpu0')).toBeCloseTo(4_000)
    expect(estimates.knows(inStacks(1_000, 64), 'gpu0')).toBe(true)
    expect(estimates.knows(inStacks(1_000, 512), 'gpu0')).toBe(false)
    // Four items make no call of 64.
    estimates.observeRun(inStacks(4, 4), 8, 'gpu0')
    expect(estimates.runMs(inStacks(4, 64))).toBe(8)
  })

  it('know which part of an accelerator did the work', () => {
    const estimates = new Estimates()
    const onPart = (gpu: number) => batch(8, { need: { gpu } })
    estimates.observeRun(onPart(1), 80, 'gpu0')
    expect(estimates.runMs(onPart(0.25))).toBe(80)
    estimates.observeRun(onPart(0.25), 320, 'gpu1')
    expect(estimates.runMs(onPart(1))).toBe(80)
    expect(estimates.runMs(onPart(0.3))).toBe(320)
    // A quarter of one device says nothing of how it compares with all of another.
    expect(estimates.knows(onPart(1), 'gpu1')).toBe(false)
  })

  it('are alike for as many items in calls as large', () => {
    expect(likenessOf(inStacks(1_000, 60))).toBe(likenessOf(inStacks(1_000, 64)))
    expect(likenessOf(inStacks(1_000, 1))).not.toBe(likenessOf(inStacks(1_000, 64)))
    expect(likenessOf(inStacks(1_000, 64))).not.toBe(likenessOf(inStacks(1_001, 64)))
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
