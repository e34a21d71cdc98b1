import { describe, expect, it, vi } from 'vitest'
import { folderPath } from './imports'

vi.mock('./client', () => ({ getClient: () => null }))
vi.mock('./errors', () => ({ notifyError: () => undefined }))
vi.mock('./i18n', () => ({ i18n: { t: (key: string) => key } }))
vi.mock('@mantine/notifications', () => ({ notifications: { show: () => undefined } }))

describe('folderPath', () => {
  it('is the chosen folder, with the separators of this machine', () => {
    expect(folderPath('/m/net/a/b.bin', 'net/a/b.bin')).toBe('/m/net')
    expect(folderPath('C:\\m\\net\\b.bin', 'net/b.bin')).toBe('C:\\m\\net')
  })
})
