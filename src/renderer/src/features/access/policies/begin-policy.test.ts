import { modals } from '@mantine/modals'
import { beforeEach, expect, it, vi } from 'vitest'
import { beginPolicy } from './begin-policy'
import { NEW, useDrafts } from './drafts'

// The words of a question are in the language of the browser.
vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }))
vi.mock('@mantine/modals', () => ({ modals: { openConfirmModal: vi.fn() } }))
vi.mock('../routes', () => ({ goTo: () => undefined }))

const typed = { id: 'mine', text: 'forbid (principal, action, resource);', description: '' }
const other = { id: 'copy', text: 'permit (principal, action, resource);', description: '' }
const begun = () => useDrafts.getState().drafts.get(NEW)

beforeEach(() => {
  useDrafts.getState().drop(NEW)
  vi.mocked(modals.openConfirmModal).mockClear()
})

it('a policy that was begun and not saved is replaced only when the person says so', () => {
  useDrafts.getState().put(NEW, typed)
  beginPolicy(other)
  expect(begun()).toEqual(typed)
  vi.mocked(modals.openConfirmModal).mock.lastCall?.[0].onConfirm?.()
  expect(begun()).toEqual(other)
})

it('where nothing was written there is no question', () => {
  beginPolicy(typed)
  expect(begun()).toEqual(typed)
  useDrafts.getState().put(NEW, { id: '', text: ' ', description: '' })
  beginPolicy(other)
  expect(begun()).toEqual(other)
  expect(modals.openConfirmModal).not.toHaveBeenCalled()
})
