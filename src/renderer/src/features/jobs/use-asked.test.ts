import { expect, it, vi } from 'vitest'
import type { ErrorView } from '../../lib/errors'
import { unanswered } from './use-asked'

// The words of errors are in the language of the browser.
vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }))
vi.mock('../../lib/client', () => ({}))

const ask = async () => 'page'
const error = (code: ErrorView['code']): ErrorView => ({ code, message: '', details: {} })

it('what was answered stays in sight when the question fails the next time', () => {
  const old = { ask, value: 'page', error: null }
  for (const code of ['offline', 'internal', 'network.rate_limited'] as const) {
    expect(unanswered(old, ask, error(code))).toEqual({ ask, value: 'page', error: error(code) })
  }
})

it('nothing stays of what is gone, of what may no longer be seen, or of another question', () => {
  const old = { ask, value: 'page', error: null }
  expect(unanswered(old, ask, error('security.denied')).value).toBe(null)
  expect(unanswered(old, ask, error('storage.not_found')).value).toBe(null)
  expect(unanswered(old, async () => 'other', error('offline')).value).toBe(null)
  expect(unanswered(null, ask, error('offline')).value).toBe(null)
})
