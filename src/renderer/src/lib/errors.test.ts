import { ORPCError } from '@orpc/client'
import { describe, expect, it, vi } from 'vitest'
import { AnsweredError, toErrorView } from './errors'

vi.mock('@mantine/notifications', () => ({ notifications: { show: () => undefined } }))
vi.mock('./i18n', () => ({ i18n: { t: (key: string) => key } }))

describe('toErrorView', () => {
  it('keeps code, sentence and facts of what the system says', () => {
    const error = new ORPCError('core.unavailable', { message: 'Wait.', data: { missing: { gpu: 1 } } })
    expect(toErrorView(error)).toEqual({
      code: 'core.unavailable',
      message: 'Wait.',
      details: { missing: { gpu: 1 } },
    })
  })

  it('shows nothing of a code that is not in the vocabulary', () => {
    expect(toErrorView(new ORPCError('BAD_GATEWAY', { message: '<html>' }))).toMatchObject({
      code: 'internal',
      message: 'common:error.internal',
    })
    expect(toErrorView(new ORPCError('toString', { message: 'x' })).code).toBe('internal')
  })

  it('knows a cancellation, an answer of the REST API, and a connection that broke', () => {
    expect(toErrorView(new DOMException('', 'AbortError')).code).toBe('cancelled')
    const view = { code: 'storage.unsafe', message: 'No.', details: {} } as const
    expect(toErrorView(new AnsweredError(view))).toEqual(view)
    expect(toErrorView(new Error('peer closed')).code).toBe('offline')
  })
})
