import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import busboy, { type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import { ModelName } from '../../../shared/domain/references'
import { AppError } from '../../../shared/errors'
import { type Caller, THE_SYSTEM } from '../../security'
import type { Modules } from '../modules'

interface FileCall {
  request: Request
  caller: Caller
  incoming: IncomingMessage
  modules: Modules
}

/** The handler of a route whose bytes are streamed; null for all others. */
export function matchFileRoute(
  request: Request,
  pathname: string,
): ((call: FileCall) => Promise<Response>) | null {
  if (request.method === 'POST' && pathname === '/api/imports') {
    return request.headers.get('content-type')?.startsWith('multipart/form-data') ? upload : null
  }
  const file = /^\/api\/models\/([^/]+)\/versions\/(\d+)\/files\/(.+)$/.exec(pathname)
  if (!file || (request.method !== 'GET' && request.method !== 'HEAD')) return null
  const [, name = '', version = '', path = ''] = file
  return (call) => download(call, decode(name), Number(version), decode(path))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    throw new AppError('system.invalid', 'The address holds a malformed escape.', {}, { cause: error })
  }
}

/** Multipart files of one model; a part's filename is its path within the model. Answers when all bytes have come. */
async function upload({ request, caller, incoming, modules }: FileCall): Promise<Response> {
  modules.security.authorize(caller, 'model.import', THE_SYSTEM, 'uploaded a model')
  const name = new URL(request.url).searchParams.get('name') ?? undefined
  if (name !== undefined && !ModelName.safeParse(name).success) {
    throw new AppError('system.invalid', 'name: use 1-64 of a-z, 0-9, dot, dash and underscore.', {
      field: 'name',
    })
  }
  const parts = multipart(incoming)
  const started = await modules.storage.startImport(
    { kind: 'upload', files: parts.files, bytesTotal: Number(incoming.headers['content-length'] ?? 0), name },
    caller.principal,
  )
  await parts.done
  return Response.json(modules.storage.getImport(started.id), { status: 202 })
}

interface Part {
  path: string
  content: Readable
}

/** The files of a multipart body, one at a time; `done` settles when the body has ended, well or not. */
function multipart(incoming: IncomingMessage): { files: AsyncIterable<Part>; done: Promise<void> } {
  const parser = parserOf(incoming)
  const waiting: Part[] = []
  /** Files whose bytes have not all been read, also the one that is being read. */
  const open = new Set<Readable>()
  let ended = false
  let failure: Error | null = null
  let wake: () => void = () => undefined
  let settle: () => void = () => undefined
  const done = new Promise<void>((resolve) => {
    settle = resolve
  })
  const end = (error: Error | null) => {
    ended = true
    failure ??= error
    // Who reads a file that will not come to its end must hear of it.
    if (error) for (const content of open) content.destroy(error)
    wake()
    settle()
  }
  parser.on('file', (_field, content, filename) => {
    open.add(content)
    content.once('close', () => open.delete(content))
    // A file may fail before anybody reads it; an error that nobody listens to would end the process.
    content.on('error', () => undefined)
    waiting.push({ path: filename, content })
    wake()
  })
  parser.on('finish', () => end(null))
  parser.on('error', (error: unknown) => end(brokenOff(error)))
  incoming.on('aborted', () => {
    parser.destroy()
    end(brokenOff())
  })
  incoming.pipe(parser)

  async function* files(): AsyncGenerator<Part> {
    try {
      for (;;) {
        const part = waiting.shift()
        if (part) yield part
        else if (failure) throw failure
        else if (ended) return
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      // The import stopped early (refused, cancelled): read the rest away, so that the caller can read our answer.
      for (const { content } of waiting.splice(0)) content.resume()
      parser.on('file', (_field, content) => content.resume())
      incoming.unpipe(parser)
      incoming.resume()
      settle()
    }
  }
  return { files: files(), done }
}

/** @throws AppError `system.invalid` for a body that cannot be taken apart, such as one without a boundary */
function parserOf(incoming: IncomingMessage): BusboyInstance {
  try {
    return busboy({
      headers: incoming.headers as BusboyHeaders,
      preservePath: true,
      limits: { files: 10_000, fields: 20, fieldSize: 10_000 },
    })
  } catch (error) {
    throw new AppError(
      'system.invalid',
      'This upload is no multipart form: its content type must be multipart/form-data with a boundary.',
      { field: 'content-type' },
      { cause: error },
    )
  }
}

function brokenOff(cause?: unknown): AppError {
  const message = 'The upload was broken off before all bytes had come. Send it again.'
  return new AppError('storage.incomplete', message, {}, { cause })
}

async function download(
  { request, caller, modules }: FileCall,
  name: string,
  version: number,
  path: string,
): Promise<Response> {
  modules.security.authorize(caller, 'model.read', { type: 'Model', id: name })
  const file = modules.storage.getVersion(name, version).files.find((candidate) => candidate.path === path)
  if (!file) throw new AppError('storage.not_found', `Version ${version} of ${name} has no file ${path}.`)
  const headers = new Headers({
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: `"${file.digest}"`,
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(path.split('/').at(-1) ?? 'file')}`,
    'x-content-type-options': 'nosniff',
  })
  const asked = request.headers.get('range')
  const range = asked ? parseRange(asked, file.sizeBytes) : null
  if (range === 'unsatisfiable') {
    headers.set('content-range', `bytes */${file.sizeBytes}`)
    return new Response(null, { status: 416, headers })
  }
  headers.set('content-length', String(range ? range.end - range.start + 1 : file.sizeBytes))
  if (range) headers.set('content-range', `bytes ${range.start}-${range.end}/${file.sizeBytes}`)
  const status = range ? 206 : 200
  if (request.method === 'HEAD' || file.sizeBytes === 0) return new Response(null, { status, headers })
  const { content } = modules.storage.openFile(name, version, path, range ?? undefined)
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
