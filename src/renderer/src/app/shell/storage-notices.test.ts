import { notifications } from '@mantine/notifications'
import { beforeAll, beforeEach, expect, it, vi } from 'vitest'
import type { StorageTask } from '../../../../shared/contract'
import { texts as settings } from '../../features/settings/texts'
import { i18n } from '../../lib/i18n'
import { useMe } from '../../lib/stores'
import { texts as shell } from '../texts'
import { announce } from './storage-notices'

vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }))
vi.mock('@mantine/notifications', () => ({ notifications: { show: vi.fn() } }))

const task: StorageTask = {
  id: 's-1',
  kind: 'verify',
  state: 'completed',
  bytesDone: 5,
  bytesTotal: 5,
  error: null,
  createdAt: '2026-01-01T00:00:00Z',
  finishedAt: '2026-01-01T00:20:00Z',
  createdBy: 'p-1',
  checked: 3,
  checkedBytes: 5,
  damaged: ['a'.repeat(64)],
  missing: [],
}
const shown = () => vi.mocked(notifications.show).mock.lastCall?.[0]

beforeAll(async () => {
  const wordsIn = (language: 'en' | 'zh') => ({ settings: settings[language], shell: shell[language] })
  await i18n.init({ lng: 'en', resources: { en: wordsIn('en'), zh: wordsIn('zh') } })
})
beforeEach(() => {
  vi.mocked(notifications.show).mockClear()
  useMe.setState({ value: { id: 'p-1' } as never })
})

it('says that files are damaged, and leaves it on the screen', () => {
  announce(task)
  expect(shown()).toMatchObject({ color: 'red', autoClose: false })
  expect(shown()?.message).toMatch(/1/)
})

it('says why it failed in the language of the window', async () => {
  await i18n.changeLanguage('zh')
  announce({ ...task, state: 'failed', error: { code: 'storage.disk_full', message: 'The disk is full.' } })
  expect(shown()?.title).toBe('检查所有文件失败')
  expect(shown()?.message).toMatch(/磁盘/)
})

it('says nothing while it goes on, nor of what another person began', () => {
  announce({ ...task, state: 'running' })
  announce({ ...task, createdBy: 'p-2' })
  expect(notifications.show).not.toHaveBeenCalled()
})
