import { notifications } from '@mantine/notifications'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { folderPath, importDropped } from './imports'

vi.mock('./client', () => ({ getClient: () => null }))
vi.mock('./errors', () => ({ notifyError: () => undefined }))
vi.mock('./i18n', () => ({ i18n: { t: (key: string, values: object) => `${key} ${JSON.stringify(values)}` } }))
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
    class Entry {
      constructor(
        readonly name: string,
        readonly file: (give: (file: File) => void, refuse: (error: unknown) => void) => void,
      ) {}
    }
    const fetched = vi.fn(async (_address: string, _request: RequestInit) => new Response())
    vi.stubGlobal('window', {})
    vi.stubGlobal('FileSystemFileEntry', Entry)
    vi.stubGlobal('FileSystemDirectoryEntry', class {})
    vi.stubGlobal('fetch', fetched)
    const entries = [
      new Entry('gone.onnx', (_give, refuse) => refuse(new DOMException('', 'NotFoundError'))),
      new Entry('good.onnx', (give) => give(new File(['x'], 'good.onnx'))),
    ]
    const items = entries.map((entry) => ({ webkitGetAsEntry: () => entry }))
    await importDropped({ files: [], items } as unknown as DataTransfer)
    expect(fetched).toHaveBeenCalledTimes(1)
    expect((fetched.mock.lastCall?.[1].body as FormData).get('file')).toMatchObject({ name: 'good.onnx' })
    expect(vi.mocked(notifications.show).mock.calls.map(([shown]) => shown.message)).toEqual([
      'shell:importUnreadable {"name":"gone.onnx"}',
    ])
  })
})
