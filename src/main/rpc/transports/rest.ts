import type { IncomingMessage } from 'node:http'
import { OpenAPIGenerator } from '@orpc/openapi'
import { OpenAPIHandler } from '@orpc/openapi/node'
import { ORPCError } from '@orpc/server'
import { ZodToJsonSchemaConverter } from '@orpc/zod/zod4'
import { contract } from '../../../shared/contract'
import { documentedAs } from '../../../shared/domain/bounded'
import { AppError } from '../../../shared/errors'
import type { Protocols } from '../../network'
import type { Logger } from '../../platform/logger'
import { Shares } from '../../platform/shares'
import { holderOf } from '../../security'
import { ANONYMOUS } from '../base'
import { toWireError } from '../errors'
import type { Modules } from '../modules'
import type { Router } from '../router'
import { matchDownload } from './downloads'
import type { JsonBodies } from './json-body'
import { wireErrors } from './message-port'
import { isUpload, upload } from './uploads'

/** Of each holder (`holderOf`), at once: each has a file open, and no procedure counts it. */
const MOST_TRANSFERS = 256

export type RestTransport = Protocols['rest']

/**
 * The REST API under `/api`, made from the contract; the few routes that stream files are in `downloads.ts` and `uploads.ts`. Calls are read
 * from and answered on Node's own objects: the fetch API's, between the two, take half of a call's time.
 */
export function createRestTransport(
  router: Router,
  modules: Modules,
  logger: Logger,
  version: string,
  bodies: JsonBodies,
): RestTransport {
  const handler = new OpenAPIHandler(router, {
    clientInterceptors: [wireErrors(logger)],
    // Outermost: it needs the answer that an error has become.
    rootInterceptors: [retryAfter],
    interceptors: [wireErrors(logger)],
    customErrorResponseBodyEncoder: (error) => bodyOf(error),
  })
  const transfers = new Shares(
    { each: MOST_TRANSFERS },
    'Too many uploads and downloads are open. Let some end.',
  )
  let document: Promise<string> | null = null

  return async (request, caller, { incoming, outgoing, body, onRead }) => {
    try {
      const { pathname } = new URL(request.url)
      if (pathname === '/api/openapi.json' && request.method === 'GET') {
        document ??= openApiDocument(version)
        return new Response(await document, { headers: { 'content-type': 'application/json' } })
      }
      const download = matchDownload(request)
      if (download || isUpload(request, pathname)) {
        if (!caller)
          throw new AppError('security.unauthenticated', 'Send a valid key: Authorization: Bearer KEY.')
        const holder = holderOf(caller)
        transfers.take(holder)
        outgoing.once('close', () => transfers.give(holder))
        return await (download
          ? download({ caller, modules })
          : upload({ request, caller, incoming, modules }))
      }
      assertJson(incoming)
      const parsed = body && body.byteLength > 0 ? { body: await bodies.parse(body) } : {}
      onRead()
      const { matched } = await handler.handle(Object.assign(incoming, parsed), outgoing, {
        prefix: '/api',
        context: { caller: caller ?? ANONYMOUS },
      })
      if (matched) return null
      if (!caller)
        throw new AppError('security.unauthenticated', 'Send a valid key: Authorization: Bearer KEY.')
      throw new ORPCError('NOT_FOUND')
    } catch (error) {
      if (outgoing.headersSent) {
        logger.debug({ err: error }, 'an answer could not be sent')
        return null
      }
      const wire = toWireError(error, logger)
      return Response.json(bodyOf(wire), { status: wire.status })
    }
  }
}

/** Forms and other bodies would be taken apart by other parsers; nothing here takes them. */
function assertJson({ method, headers }: IncomingMessage): void {
  const type = headers['content-type']?.toLowerCase()
  if (type === undefined || type.startsWith('application/json') || method === 'GET' || method === 'HEAD')
    return
  if (headers['content-length'] === '0') return
  throw new AppError('system.invalid', 'Send the body as JSON, with Content-Type: application/json.', {
    field: 'content-type',
  })
}

interface Answer {
  response?:
    | { status: number; headers: Record<string, string | string[] | undefined>; body?: unknown }
    | undefined
}

/** 429 carries its `Retry-After` in seconds, from the error's `retryAfterMs`. */
async function retryAfter<Result extends Answer>({ next }: { next(): Promise<Result> }): Promise<Result> {
  const answer = await next()
  if (answer.response?.status === 429) {
    const { error } = answer.response.body as { error: { details: { retryAfterMs?: number } } }
    const seconds = Math.max(1, Math.ceil((error.details.retryAfterMs ?? 1000) / 1000))
    answer.response.headers['retry-after'] = String(seconds)
  }
  return answer
}

function bodyOf(error: ORPCError<string, unknown>): unknown {
  return { error: { code: error.code, message: error.message, details: error.data ?? {} } }
}

/** The OpenAPI document of the contract, as JSON text. */
async function openApiDocument(version: string): Promise<string> {
  const converter = new ZodToJsonSchemaConverter({
    interceptors: [
      ({ schema, next, ...options }) => next({ ...options, schema: documentedAs.get(schema) ?? schema }),
    ],
  })
  const generator = new OpenAPIGenerator({ schemaConverters: [converter] })
  const document = await generator.generate(contract, {
    info: {
      title: 'LLMAgentOS',
      version,
      description:
        'Devices, jobs, models and access of this machine. Every call needs a key: `Authorization: Bearer KEY`.',
    },
    servers: [{ url: '/api' }],
    security: [{ key: [] }],
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
  })
  return JSON.stringify(document)
}
