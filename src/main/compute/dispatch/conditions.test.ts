import { describe, expect, it } from 'vitest'
import { judge } from './conditions'

describe('judge', () => {
  it.each([
    ['succeeded', [], 'run'],
    ['succeeded', ['succeeded', 'succeeded'], 'run'],
    ['succeeded', ['succeeded', null], 'wait'],
    ['succeeded', ['failed', null], 'fail'],
    ['succeeded', ['cancelled', 'skipped'], 'fail'],
    ['succeeded', ['skipped', null], 'wait'],
    ['succeeded', ['skipped', 'succeeded'], 'skip'],
    ['failed', ['failed', null], 'wait'],
    ['failed', ['failed', 'succeeded'], 'run'],
    ['failed', ['succeeded', 'cancelled', 'skipped'], 'skip'],
    ['ended', ['failed', null], 'wait'],
    ['ended', ['failed', 'cancelled', 'skipped', 'succeeded'], 'run'],
  ] as const)('%s after %j: %s', (runWhen, endings, verdict) => {
    expect(judge(runWhen, endings)).toBe(verdict)
  })
})
