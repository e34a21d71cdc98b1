import type { Canary } from '@shared/contract'
import { expect, it } from 'vitest'
import { observedShare, percentOf, pressure } from './canary-view'

function canary(changes: Partial<Canary>): Canary {
  return {
    version: 2,
    weight: 0.1,
    maxErrorRate: 0.1,
    maxP95Ms: 50,
    minRequests: 20,
    startedAt: '',
    startedBy: '',
    canary: { requests: 10, errors: 1, p95Ms: 50 },
    stable: { requests: 30, errors: 0, p95Ms: 10 },
    ...changes,
  }
}

it('tells the share that was', () => {
  expect(observedShare(canary({}))).toBe(0.25)
  const none = { requests: 0, errors: 0, p95Ms: null }
  expect(observedShare({ canary: none, stable: none })).toBeNull()
})

it('is beyond a bound only above it', () => {
  expect(pressure(canary({}))).toEqual({ errors: false, latency: false })
  const worse = { requests: 10, errors: 2, p95Ms: 50.1 }
  expect(pressure(canary({ canary: worse }))).toEqual({ errors: true, latency: true })
  expect(pressure(canary({ canary: worse, maxP95Ms: null })).latency).toBe(false)
})

it('a share is the percentage that was typed', () => {
  for (const typed of [0.01, 7, 14, 28.5, 57, 100]) expect(percentOf(typed / 100)).toBe(typed)
})
