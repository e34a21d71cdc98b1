import { notifications } from '@mantine/notifications'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { folderPath, importDropped } from './imports'

vi.mock('./client', () => ({ getClient: () => null }))
vi.mock('./errors', () => ({ notifyError: () => undefined }))
vi.mock('./i18n', () => ({
  i18n: { t: (key: string, values: object) => `${key} ${JSON.stringify(values)}` },
}))
vi.mock('@mantine/notifications', () => ({ notifications: { show: vi.fn() } }))

describe('folderPath', () => {
  it('is the chosen folder, with the separators of this machine', () => {
    expect(folderPath('/m/net/a/b.bin', 'net/a/b.bin')).toBe('/m/net')
    expect(folderPath('C:\\m\\net\\b.bin', 'net/b.bin')).toBe('C:\\m\\net')
  })
})

describe('importDropped', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it('in a browser names what cannot be read, and brings in the rest', async () => {
    const fetched = vi.fn(async (_address: string, _request: RequestInit) => new Response())
    vi.stubGlobal('window', {})
    vi.stubGlobal('fetch', fetched)
    const gone = (_: unknown, refuse: (error: Error) => void) => refuse(new DOMException('', 'NotFoundError'))
    const good = (give: (file: File) => void) => give(new File(['x'], 'good.onnx'))
    const entries = [
      { isFile: true, name: 'gone.onnx', file: gone },
      { isFile: true, name: 'good.onnx', file: good },
    ]
    const items = entries.map((entry) => ({ webkitGetAsEntry: () => entry }))
    await importDropped({ files: [], items } as unknown as DataTransfer)
    expect(fetched).toHaveBeenCalledTimes(1)
    const form = fetched.mock.calls[0]?.[1].body as FormData | undefined
    expect(form?.get('file')).toMatchObject({ name: 'good.onnx' })
    expect(vi.mocked(notifications.show).mock.calls.map(([shown]) => shown.message)).toEqual([
      'shell:importUnreadable {"name":"gone.onnx"}',
    ])
  })
})
