import { imageSize } from 'image-size'
import { Rejection } from '../../import/rejection'
import type { RawRow, TableFile, TableReader } from '../table'
import { bytesAt } from './bytes'

const MAGIC: { bytes: string; at: number; mediaType: string }[] = [
  { bytes: '\x89PNG\r\n\x1a\n', at: 0, mediaType: 'image/png' },
  { bytes: '\xff\xd8\xff', at: 0, mediaType: 'image/jpeg' },
  { bytes: 'GIF8', at: 0, mediaType: 'image/gif' },
  { bytes: 'WEBP', at: 8, mediaType: 'image/webp' },
  { bytes: 'BM', at: 0, mediaType: 'image/bmp' },
]

/** What a browser calls an image, by its first bytes; null for anything else. */
export function imageTypeOf(head: Uint8Array): string | null {
  const text = Buffer.from(head).toString('latin1', 0, 16)
  return MAGIC.find(({ bytes, at }) => text.startsWith(bytes, at))?.mediaType ?? null
}

/** A folder of images; the folder that an image lies in is its label. */
export const imagesReader: TableReader = {
  format: 'images',
  label: 'folders of images',
  recognise: (files) => files.length > 0 && files.every((file) => imageTypeOf(bytesAt(file, 0, 16)) !== null),
  async open(files) {
    const labelled = files.some((file) => file.path.includes('/'))
    let bytesRead = 0
    return {
      columns: [
        { name: 'image', type: 'image' },
        ...(labelled ? [{ name: 'label', type: 'string' as const }] : []),
        { name: 'width', type: 'integer' },
        { name: 'height', type: 'integer' },
        { name: 'bytes', type: 'integer' },
      ],
      isText: false,
      rows: files.length,
      async *read(start) {
        for (const file of files.slice(start)) {
          bytesRead += file.sizeBytes
          const row: RawRow = { image: file.path }
          if (labelled) row['label'] = file.path.split('/').slice(0, -1).join('/') || null
          yield { row: { ...row, ...sizeOf(file), bytes: file.sizeBytes }, at: null }
        }
      },
      bytesRead: () => bytesRead,
    }
  },
}

/** Width and height as the header says. Metadata may stand before it, so up to 256 KiB are looked at. */
function sizeOf(file: TableFile): { width: number | null; height: number | null } {
  try {
    const { width, height } = imageSize(bytesAt(file, 0, 256 * 1024))
    return { width, height }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const message = `The image cannot be read: ${error.message.slice(0, 200)}.`
    throw new Rejection('storage.unreadable', message, file.path)
  }
}
