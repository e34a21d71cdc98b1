import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import busboy, { type BusboyHeaders, type BusboyInstance } from '@fastify/busboy'
import { MadeFrom } from '../../../shared/contract'
import { ModelName, NewVersionNumber } from '../../../shared/domain/references'
import { AppError } from '../../../shared/errors'
import { type Caller, THE_SYSTEM } from '../../security'
import { requirementsOfOrigins } from '../authorize'
import type { Modules } from '../modules'
import { originsOf } from '../origins'
import { shownImport } from '../visible'

/** One more than an import takes: what comes beyond is dropped unsaid, and an import must not take a part for the whole. */
const MOST_FILES = 10_001

interface Upload {
  request: Request
  caller: Caller
  incoming: IncomingMessage
  modules: Modules
}

/** Whether a call brings files to import. */
export function isUpload({ method, headers }: Request, pathname: string): boolean {
  const isForm = headers.get('content-type')?.toLowerCase().startsWith('multipart/form-data') ?? false
  return method === 'POST' && pathname === '/api/imports' && isForm
}

/** Multipart files of one model; a part's filename is its path within the model. Answers when all bytes have come. */
export async function upload({ request, caller, incoming, modules }: Upload): Promise<Response> {
  modules.security.authorize(caller, 'model.import', THE_SYSTEM, 'uploaded a model')
  const query = new URL(request.url).searchParams
  const madeFrom = madeFromOf(query)
  if (madeFrom?.job) await modules.computeReady()
  for (const { action, resource } of requirementsOfOrigins(modules, madeFrom))
    modules.security.authorize(caller, action, resource)
  const name = query.get('name') ?? undefined
  const review = query.get('review') === 'true'
  if (name !== undefined && !ModelName.safeParse(name).success) {
    throw new AppError('system.invalid', 'name: use 1-64 of a-z, 0-9, dot, dash and underscore.', {
      field: 'name',
    })
  }
  const version = versionOf(query)
  const origins = originsOf(modules, madeFrom)
  const parts = multipart(incoming)
  const started = await modules.storage.startImport(
    {
      kind: 'upload',
      files: parts.files,
      bytesTotal: Number(incoming.headers['content-length'] ?? 0),
      name,
      version,
      review,
      madeFrom: origins,
      key: caller.key,
    },
    caller.principal,
  )
  void modules.storage.importEnd(started.id).then(parts.drain)
  await parts.done
  const view = shownImport(modules, caller, modules.storage.getImport(started.id))
  return Response.json(view, { status: 202 })
}

function versionOf(query: URLSearchParams): number | undefined {
  if (!query.has('version')) return undefined
  const parsed = NewVersionNumber.safeParse(Number(query.get('version') || Number.NaN))
  if (parsed.success) return parsed.data
  throw new AppError('system.invalid', 'version: use a whole number from 1 to 99999999.', {
    field: 'version',
  })
}

/** `?madeFromModel=&madeFromDataset=&madeFromJob=`, the first two as often as there are any. */
function madeFromOf(query: URLSearchParams): MadeFrom | undefined {
  const [models, datasets] = [query.getAll('madeFromModel'), query.getAll('madeFromDataset')]
  const job = query.get('madeFromJob')
  if (models.length === 0 && datasets.length === 0 && job === null) return undefined
  const parsed = MadeFrom.safeParse({ models, datasets, job })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = `madeFrom.${issue?.path.join('.')}`
  throw new AppError('system.invalid', `${field}: ${issue?.message}`, { field })
}

interface Part {
  path: string
  content: Readable
}

interface Parts {
  /** One at a time. */
  files: AsyncIterable<Part>
  /** Settles when the body has ended, well or not, or nobody wants the rest of it. */
  done: Promise<void>
  /** Reads the rest away, so that the caller can read our answer. */
  drain(): void
}

/** The files of a multipart body. */
function multipart(incoming: IncomingMessage): Parts {
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
  // Bytes may come without any name; an import refuses an empty path.
  parser.on('file', (_field, content, filename: string | undefined) => {
    open.add(content)
    content.once('close', () => open.delete(content))
    // A file may fail before anybody reads it; an error that nobody listens to would end the process.
    content.on('error', () => undefined)
    waiting.push({ path: filename ?? '', content })
    wake()
  })
  parser.on('finish', () => end(null))
  parser.on('error', (error: unknown) => end(brokenOff(error)))
  incoming.on('aborted', () => {
    parser.destroy()
    end(brokenOff())
  })
  incoming.pipe(parser)

  const drain = () => {
    for (const { content } of waiting.splice(0)) content.resume()
    parser.on('file', (_field, content) => content.resume())
    incoming.unpipe(parser)
    incoming.resume()
    end(null)
  }
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
      // The import may have stopped early: refused, cancelled.
      drain()
    }
  }
  return { files: files(), done, drain }
}

/** @throws AppError `system.invalid` for a body that cannot be taken apart, such as one without a boundary */
function parserOf(incoming: IncomingMessage): BusboyInstance {
  try {
    return busboy({
      headers: incoming.headers as BusboyHeaders,
      preservePath: true,
      limits: { files: MOST_FILES, fields: 20, fieldSize: 10_000 },
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
