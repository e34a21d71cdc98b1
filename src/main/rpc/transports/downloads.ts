import { Readable } from 'node:stream'
import { AppError } from '../../../shared/errors'
import type { Caller } from '../../security'
import type { Modules } from '../modules'
import { sightOf } from '../visible'

interface Download {
  caller: Caller
  modules: Modules
}

/** The answer to a route whose bytes are streamed out; null for all others. */
export function matchDownload(request: Request): ((call: Download) => Promise<Response>) | null {
  if (request.method !== 'GET' && request.method !== 'HEAD') return null
  const { pathname } = new URL(request.url)
  const found = /^\/api\/(models|datasets)\/([^/]+)\/versions\/(\d+)\/(?:archive|files\/(.+))$/.exec(pathname)
  if (!found) return null
  const [, collection, name = '', version = '', path] = found
  const which: VersionPath = {
    kind: collection === 'models' ? 'model' : 'dataset',
    name: decode(name),
    version: Number(version),
  }
  return (call) =>
    path === undefined ? exportVersion(request, call, which) : download(request, call, which, decode(path))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw new AppError('system.invalid', 'The address holds a malformed escape.', {}, { cause: error })
  }
}

interface VersionPath {
  kind: 'model' | 'dataset'
  name: string
  version: number
}

function authorizeRead({ modules, caller }: Download, { kind, name }: VersionPath): void {
  if (kind === 'model') modules.security.authorize(caller, 'model.read', { type: 'Model', id: name })
  else modules.security.authorize(caller, 'dataset.read', { type: 'Dataset', id: name })
}

/** A version as one file, with a manifest that an import elsewhere checks. */
async function exportVersion(request: Request, call: Download, which: VersionPath): Promise<Response> {
  authorizeRead(call, which)
  const { name, sizeBytes, content } = call.modules.storage.exportVersion(
    which.kind,
    which.name,
    which.version,
    sightOf(call.modules, call.caller),
  )
  const headers = fileHeaders(name, 'application/x-tar')
  headers.set('content-length', String(sizeBytes))
  if (request.method === 'HEAD') {
    content.destroy()
    return new Response(null, { headers })
  }
  return new Response(Readable.toWeb(content) as ReadableStream, { headers })
}

function fileHeaders(name: string, type: string): Headers {
  return new Headers({
    'content-type': type,
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
    'x-content-type-options': 'nosniff',
  })
}

async function download(
  request: Request,
  call: Download,
  which: VersionPath,
  path: string,
): Promise<Response> {
  const { modules } = call
  const { kind, name, version } = which
  authorizeRead(call, which)
  const file = modules.storage.getFile(kind, name, version, path)
  const headers = fileHeaders(path.split('/').at(-1) ?? 'file', 'application/octet-stream')
  headers.set('accept-ranges', 'bytes')
  headers.set('etag', `"${file.digest}"`)
  // RFC 9110, 14.2: a range is one of a GET.
  const asked = request.method === 'GET' ? request.headers.get('range') : null
  const range = asked ? parseRange(asked, file.sizeBytes) : null
  if (range === 'unsatisfiable') {
    headers.set('content-range', `bytes */${file.sizeBytes}`)
    return new Response(null, { status: 416, headers })
  }
  headers.set('content-length', String(range ? range.end - range.start + 1 : file.sizeBytes))
  if (range) headers.set('content-range', `bytes ${range.start}-${range.end}/${file.sizeBytes}`)
  const status = range ? 206 : 200
  if (request.method === 'HEAD' || file.sizeBytes === 0) return new Response(null, { status, headers })
  const { content } = modules.storage.openFile(kind, name, version, path, range ?? undefined)
  return new Response(Readable.toWeb(content) as ReadableStream, { status, headers })
}

/** One range of RFC 9110: `bytes=a-b`, `bytes=a-`, `bytes=-n`; several or malformed ones are ignored (null). */
export function parseRange(
  header: string,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim())
  if (!match || (match[1] === '' && match[2] === '')) return null
  if (match[1] === '') {
    const last = Number(match[2])
    return last === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - last), end: size - 1 }
  }
  const start = Number(match[1])
  const end = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  if (start >= size) return 'unsatisfiable'
  return end < start ? null : { start, end }
}
