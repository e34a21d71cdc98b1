import type { AliasChange } from '@shared/contract'
import { describe, expect, it } from 'vitest'
import { aliasChoices, carriedBy, historyWithSteps, kindOfChange, sortAliases } from './aliases'

function change(alias: string, from: number | null, to: number | null, day: number): AliasChange {
  return { alias, from, to, at: `2026-01-0${day}T00:00:00.000Z`, by: 'p', reason: null, canary: null }
}

describe('historyWithSteps', () => {
  it('offers a step back at the newest change of each alias only, newest first', () => {
    const history = [
      change('production', null, 1, 1),
      change('canary', null, 2, 2),
      change('production', 1, 2, 3),
    ].reverse()
    expect(
      historyWithSteps(history, [1, 2]).map(({ change: { alias, at }, back }) => [
        alias,
        at.slice(9, 10),
        back,
      ]),
    ).toEqual([
      ['production', '3', { alias: 'production', to: 1 }],
      ['canary', '2', { alias: 'canary', to: null }],
      ['production', '1', null],
    ])
  })

  it('goes back past a canary that was rolled back, which moved nothing', () => {
    const history = [change('a', 2, 2, 2), change('a', 1, 2, 1)]
    expect(historyWithSteps(history, [1, 2]).map(({ back }) => back)).toEqual([null, { alias: 'a', to: 1 }])
  })

  it('goes back past a canary that was started or stopped, and says which', () => {
    const canary = (event: 'started' | 'stopped' | 'rolled_back', day: number): AliasChange => ({
      ...change('a', 2, 2, day),
      canary: { event, version: 3, weight: 0.1 },
    })
    const history = [
      change('a', 1, 2, 1),
      canary('started', 2),
      canary('stopped', 3),
      canary('rolled_back', 4),
    ].reverse()
    const steps = historyWithSteps(history, [1, 2, 3])
    expect(steps.map(({ back }) => back?.to)).toEqual([undefined, undefined, undefined, 1])
    expect(steps.map((step) => kindOfChange(step.change))).toEqual([
      'rolledBack',
      'stopped',
      'started',
      'moved',
    ])
    // Before canaries were remembered, a rollback was a change that went nowhere.
    expect(kindOfChange(change('a', 2, 2, 1))).toBe('rolledBack')
    expect(kindOfChange(change('a', null, 2, 1))).toBe('made')
    expect(kindOfChange(change('a', 2, null, 1))).toBe('removed')
  })

  it('does not offer a version that was deleted, and brings back an alias that was removed', () => {
    expect(historyWithSteps([change('a', 1, 2, 1)], [2])[0]?.back).toBeNull()
    expect(historyWithSteps([change('a', 2, null, 1)], [2])[0]?.back).toEqual({ alias: 'a', to: 2 })
  })
})

it('offers production first and each alias once', () => {
  const alias = (name: string) => ({ alias: name, version: 1, setAt: '', setBy: '', canary: null })
  expect(aliasChoices([alias('mine'), alias('canary')])).toEqual(['production', 'canary', 'baseline', 'mine'])
  expect(sortAliases(['canary', 'a', 'production'])).toEqual(['production', 'a', 'canary'])
})

it('tells what points to a version from what sends it a share', () => {
  const share = { requests: 0, errors: 0, p95Ms: null }
  const canary = {
    version: 2,
    weight: 0.1,
    maxErrorRate: 0.05,
    maxP95Ms: null,
    minRequests: 20,
    startedAt: '',
    startedBy: '',
    canary: share,
    stable: share,
  }
  const aliases = [
    { alias: 'beta', version: 2, setAt: '', setBy: '', canary: null },
    { alias: 'production', version: 1, setAt: '', setBy: '', canary },
  ]
  expect(carriedBy(2, aliases)).toEqual([
    { alias: 'production', canaryWeight: 0.1 },
    { alias: 'beta', canaryWeight: null },
  ])
  expect(carriedBy(3, aliases)).toEqual([])
})
