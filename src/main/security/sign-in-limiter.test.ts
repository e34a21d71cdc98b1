import { describe, expect, it } from 'vitest'
import type { AppError } from '../../shared/errors'
import { SignInLimiter } from './sign-in-limiter'
import { TestClock } from './testing'

function refusal(limiter: SignInLimiter, name = 'marie'): number | null {
  try {
    limiter.begin(name)
    return null
  } catch (error) {
    return (error as AppError).details['retryAfterMs'] as number
  }
}

describe('guessing a password', () => {
  it('is free five times, then waits double each time, up to 15 minutes', () => {
    const clock = new TestClock()
    const limiter = new SignInLimiter(clock)
    for (let attempt = 0; attempt < 5; attempt++) expect(refusal(limiter)).toBeNull()
    const waits: (number | null)[] = []
    for (let attempt = 0; attempt < 12; attempt++) {
      const wait = refusal(limiter)
      waits.push(wait)
      clock.advance((wait ?? 0) - 1)
      expect(refusal(limiter)).toBe(1)
      clock.advance(1)
      expect(refusal(limiter)).toBeNull()
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900].map((seconds) => seconds * 1000))
  })

  it('of one name does not slow another; success and an hour of rest forget', () => {
    const clock = new TestClock()
    const limiter = new SignInLimiter(clock)
    for (let attempt = 0; attempt < 5; attempt++) limiter.begin('marie')
    expect(refusal(limiter)).toBe(1000)
    expect(refusal(limiter, 'pierre')).toBeNull()
    limiter.succeed('marie')
    for (let attempt = 0; attempt < 5; attempt++) expect(refusal(limiter)).toBeNull()
    clock.advance(60 * 60_000)
    for (let attempt = 0; attempt < 5; attempt++) expect(refusal(limiter)).toBeNull()
  })
})
