import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { Readable } from 'node:stream'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.json': 'application/json',
}

/** For the window and the browser alike. Mantine sets style attributes, hence `unsafe-inline` for styles alone. */
export function contentSecurityPolicy(connect: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ].join('; ')
}

interface StaticFile {
  headers: Record<string, string>
  /** To be read to its end, or cancelled. */
  open(): ReadableStream
}

/** A file below `root`; null when there is none. `/` is `index.html`. */
export async function staticFile(
  root: string,
  pathname: string,
  connect: string,
): Promise<StaticFile | null> {
  let decoded: string
  try {
    decoded = decodeURIComponent(pathname)
  } catch {
    return null // a malformed escape names no file
  }
  const path = normalize(join(root, decoded === '/' ? 'index.html' : decoded))
  if (!path.startsWith(normalize(root) + sep) || decoded.includes('\0')) return null
  const info = await stat(path).catch(() => null)
  if (!info?.isFile()) return null
  return {
    open: () => Readable.toWeb(createReadStream(path)) as ReadableStream,
    headers: {
      'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      'content-length': String(info.size),
      'content-security-policy': contentSecurityPolicy(connect),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': path.endsWith('.html') ? 'no-cache' : 'max-age=31536000, immutable',
    },
  }
}
