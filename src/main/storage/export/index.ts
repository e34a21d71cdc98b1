import { Readable } from 'node:stream'
import { FILES, MANIFEST, type Manifest } from './manifest'
import { type TarEntry, tarOf, tarSize } from './tar'

export { type ArchivedOrigins, FILES, MANIFEST, Manifest } from './manifest'

/** One version as one file. */
export interface VersionArchive {
  /** What to call the file. */
  name: string
  sizeBytes: number
  /** A tar; whoever takes it reads it or destroys it. */
  content: Readable
}

/** @param open the bytes of a file of the version; called when its turn comes */
export function archiveOf(
  manifest: Manifest,
  open: (path: string) => AsyncIterable<Uint8Array>,
  nowMs: number,
): VersionArchive {
  const text = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)
  const entries: TarEntry[] = [
    { path: MANIFEST, sizeBytes: text.length, content: () => [text] },
    ...manifest.files.map(({ path, sizeBytes }) => ({
      path: `${FILES}/${path}`,
      sizeBytes,
      content: () => open(path),
    })),
  ]
  return {
    name: `${manifest.name}-${manifest.version}.tar`,
    sizeBytes: tarSize(entries),
    content: Readable.from(tarOf(entries, nowMs / 1000), { objectMode: false }),
  }
}
