import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { lstat, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finding } from '../../../shared/contract'
import type { FindingCode } from '../../../shared/findings'
import { MANIFEST, refusal } from './manifest'

/** What a worker needs is small; libraries lie elsewhere and are named by `reads`. */
const MOST_FILES = 1000
const MOST_BYTES = 64 * 2 ** 20
const MOST_DEPTH = 8
const MANIFEST_BYTES = 64 * 1024
const READ_BYTES = 256 * 1024

/** A plugin's folder as it is now. */
export interface PluginFiles {
  /** Relative paths with `/`, sorted. */
  paths: string[]
  sizeBytes: number
  /** Changes whenever a file does, as far as the file system tells without reading it. */
  stamp: string
  /** Why it cannot be taken as it is; nothing else of it was looked at then. */
  findings: Finding[]
}

/** Lists a folder without following or opening anything. */
export async function listFiles(folder: string): Promise<PluginFiles> {
  const found: PluginFiles = { paths: [], sizeBytes: 0, stamp: '', findings: [] }
  const stamps: string[] = []
  const refuse = (code: FindingCode, message: string, file: string) =>
    found.findings.push(refusal(code, message, file))

  async function walk(at: string, depth: number): Promise<void> {
    const entries = await readdir(join(folder, at), { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (found.findings.length > 0) return
      const path = at === '' ? entry.name : `${at}/${entry.name}`
      if (/[\p{Cc}\p{Cf}\\]/u.test(entry.name))
        refuse('plugin.unsafe', 'A name has characters that are not to be seen.', 'a file of the folder')
      else if (entry.isDirectory()) {
        if (depth === MOST_DEPTH)
          refuse('plugin.too_large', `It nests deeper than ${MOST_DEPTH} folders.`, path)
        else await walk(path, depth + 1)
      } else if (entry.isSymbolicLink())
        refuse('plugin.unsafe', 'It is a link: what it leads to could change unseen.', path)
      else if (!entry.isFile()) refuse('plugin.unsafe', 'It is neither a file nor a folder.', path)
      else await add(path)
    }
  }

  async function add(path: string): Promise<void> {
    const { size, mtimeMs, ctimeMs, ino, mode } = await lstat(join(folder, path))
    found.paths.push(path)
    found.sizeBytes += size
    stamps.push([path, size, mtimeMs, ctimeMs, ino, mode].join('\0'))
    if (found.paths.length > MOST_FILES)
      refuse('plugin.too_large', `It has more than ${MOST_FILES} files.`, path)
    if (found.sizeBytes > MOST_BYTES)
      refuse(
        'plugin.too_large',
        'It has more than 64 MiB. Install what is large elsewhere and name its folder in "reads".',
        path,
      )
    if (path === MANIFEST && size > MANIFEST_BYTES)
      refuse('plugin.too_large', 'A manifest has at most 64 KiB.', path)
  }

  if (!(await lstat(folder)).isDirectory()) refuse('plugin.unsafe', 'It is no folder, or a link to one.', '.')
  else await walk('', 0)
  found.stamp = stamps.join('\n')
  return found
}

/**
 * SHA-256 of a folder: of each path, whether it may be executed, its size and the SHA-256 of its bytes.
 * @returns the text of its manifest too, so that what is judged is what was hashed; null where there is none
 */
export async function digestFiles(
  folder: string,
  paths: readonly string[],
): Promise<{ digest: string; manifest: string | null }> {
  const whole = createHash('sha256')
  let manifest: string | null = null
  for (const path of paths) {
    const { digest, size, executable, text } = await digestFile(join(folder, path), path === MANIFEST)
    if (path === MANIFEST) manifest = text
    whole.update(JSON.stringify([path, executable, size, digest]))
  }
  return { digest: whole.digest('hex'), manifest }
}

async function digestFile(path: string, keep: boolean) {
  // A link that took the file's place in the meantime is not followed.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    const { mode } = await handle.stat()
    const hash = createHash('sha256')
    const kept: Buffer[] = []
    const buffer = Buffer.alloc(READ_BYTES)
    let size = 0
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, size)
      if (bytesRead === 0) break
      size += bytesRead
      if (size > MOST_BYTES) throw new Error(`${path} grows while it is read.`)
      hash.update(buffer.subarray(0, bytesRead))
      if (keep) kept.push(Buffer.from(buffer.subarray(0, bytesRead)))
    }
    const text = Buffer.concat(kept).toString('utf8')
    return { digest: hash.digest('hex'), size, executable: (mode & 0o100) !== 0, text }
  } finally {
    await handle.close()
  }
}
