import type { IncomingMessage } from 'node:http'
import { OpenAPIGenerator } from '@orpc/openapi'
import { OpenAPIHandler } from '@orpc/openapi/fetch'
import { ORPCError } from '@orpc/server'
import { ZodToJsonSchemaConverter } from '@orpc/zod/zod4'
import { contract } from '../../../shared/contract'
import { AppError } from '../../../shared/errors'
import type { Logger } from '../../platform/logger'
import type { Caller } from '../../security'
import { ANONYMOUS } from '../base'
import { toWireError } from '../errors'
import type { Modules } from '../modules'
import type { Router } from '../router'
import { matchFileRoute } from './files'
import { wireErrors } from './message-port'

export type RestTransport = (
  request: Request,
  caller: Caller | null,
  incoming: IncomingMessage,
) => Promise<Response>

/** The REST API under `/api`, made from the contract; the few routes that stream files are in `files.ts`. */
export function createRestTransport(
  router: Router,
  modules: Modules,
  logger: Logger,
  version: string,
): RestTransport {
  const handler = new OpenAPIHandler(router, {
    clientInterceptors: [wireErrors(logger)],
    interceptors: [wireErrors(logger) as never, malformedBody as never],
    customErrorResponseBodyEncoder: (error) => bodyOf(error),
  })
  let document: Promise<string> | null = null

  return async (request, caller, incoming) => {
    try {
      const { pathname } = new URL(request.url)
      if (pathname === '/api/openapi.json' && request.method === 'GET') {
        document ??= openApiDocument(version)
        return new Response(await document, { headers: { 'content-type': 'application/json' } })
      }
      const files = matchFileRoute(request, pathname)
      if (files) {
        if (!caller)
          throw new AppError('security.unauthenticated', 'Send a valid key: Authorization: Bearer KEY.')
        return await files({ request, caller, incoming, modules })
      }
      assertJson(request)
      const { matched, response } = await handler.handle(request, {
        prefix: '/api',
        context: { caller: caller ?? ANONYMOUS },
      })
      if (matched) return response
      if (!caller)
        throw new AppError('security.unauthenticated', 'Send a valid key: Authorization: Bearer KEY.')
      throw new ORPCError('NOT_FOUND')
    } catch (error) {
      const wire = toWireError(error, logger)
      return Response.json(bodyOf(wire), { status: wire.status })
    }
  }
}

/** Forms and other bodies would be taken apart by other parsers; nothing here takes them. */
function assertJson({ method, headers }: Request): void {
  const type = headers.get('content-type')
  if (type === null || type.startsWith('application/json') || method === 'GET' || method === 'HEAD') return
  if (headers.get('content-length') === '0') return
  throw new AppError('system.invalid', 'Send the body as JSON, with Content-Type: application/json.', {
    field: 'content-type',
  })
}

/** What procedures throw has been given its form before; what is left are bodies that cannot be parsed. */
async function malformedBody({ next }: { next(): Promise<unknown> }): Promise<unknown> {
  try {
    return await next()
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new AppError('system.invalid', 'The body is not valid JSON.', { field: '' }, { cause: error })
  }
}

function bodyOf(error: ORPCError<string, unknown>): unknown {
  return { error: { code: error.code, message: error.message, details: error.data ?? {} } }
}

/** The OpenAPI document of the contract, as JSON text. */
async function openApiDocument(version: string): Promise<string> {
  const generator = new OpenAPIGenerator({ schemaConverters: [new ZodToJsonSchemaConverter()] })
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
