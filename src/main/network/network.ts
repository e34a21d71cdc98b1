import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { type WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'
import type { Endpoint } from '../../shared/contract'
import { AppError, toErrorView } from '../../shared/errors'
import { Shares } from '../platform/shares'
import { type Caller, holderOf } from '../security'
import { hasBody, readBody, tooLarge } from './body'
import { assertLocal, FailureLimit } from './guard'
import { createHttpServer, listen } from './http-server'
import type { Network, NetworkDeps, Protocols } from './index'
import { Sessions } from './sessions'
import { staticFile } from './static-files'

const MAX_JOB_BYTES = 64 * 2 ** 20
/** Only jobs carry tensors; nobody makes us hold more for anything else. */
const JOB_PATHS: ReadonlySet<string> = new Set(['/api/jobs', '/api/pipelines'])
const MAX_JSON_BYTES = 2 ** 20
/** What all bodies may take of memory until they are read, and those of one caller of that. */
const BODIES = { each: 2 * MAX_JOB_BYTES, total: 4 * MAX_JOB_BYTES }
/** What the bodies of one caller may take while their calls are worked on, which may be for minutes; others keep theirs. */
const KEPT_BODIES = { each: 2 * MAX_JOB_BYTES }
/** What may wait for a principal that does not read its answers. */
const MOST_UNREAD_BYTES = 2 * MAX_JOB_BYTES
/** Messages are parsed on the event loop. Tensors go over the REST API, which has a thread for them. */
const MAX_MESSAGE_BYTES = 512 * 2 ** 10
const MAX_SIGN_IN_BYTES = 16 * 2 ** 10
/** Whoever switches the REST API off by a call must be able to switch it on again. */
const ALWAYS_ON = /^\/api\/(health|endpoints(\/[^/]+)?)$/
/** By which a window in a browser submits what is too large for a message: the WebSocket is what lets it in. */
const LARGE_SUBMISSIONS = /^\/api\/(jobs|pipelines)$/
const COOKIE = 'llmagentos_session'

const SignIn = z.union([
  z.object({ key: z.string().min(1).max(500) }).strict(),
  z.object({ name: z.string().min(1).max(200), password: z.string().min(1).max(256) }).strict(),
])

/** Status of RFC 6455, section 7.4.1. */
const GOING_AWAY = 1001

const ENDPOINTS = {
  rest: { name: 'REST API', protocol: 'rest', path: '/api' },
  websocket: { name: 'Control Center in a browser', protocol: 'websocket', path: '/' },
} as const
type EndpointId = keyof typeof ENDPOINTS

interface WebEnv {
  Bindings: HttpBindings
}

export function createNetwork(deps: NetworkDeps): Network {
  const { security, clock, logger, switchedOff } = deps
  const sessions = new Sessions(clock)
  // The answer to the call that changed it goes out first.
  const stopListening = [
    security.onDidChangePassword((id) => setImmediate(() => sessions.closeByPassword(id))),
    security.onDidChangePrincipals(() => setImmediate(endOver)),
  ]
  let stopWatch: () => void = () => undefined
  const failures = new FailureLimit(() => clock.now())
  const bodies = new Shares(BODIES, 'Too many large calls are on their way. Send them one after the other.')
  const keptBodies = new Shares(
    KEPT_BODIES,
    'Too many large calls are worked on. Wait for some of their answers.',
  )
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES })
  /** Answers of the REST API that are not whole yet. */
  const answering = new Map<ServerResponse, { caller: Caller | null; isAlwaysOn: boolean }>()
  const connected = new Map<WebSocket, Caller>()
  let server: Server | null = null
  let port = 0

  function isOn(id: EndpointId): boolean {
    return !switchedOff.has(id)
  }

  function endpoint(id: EndpointId): Endpoint {
    const { name, protocol, path } = ENDPOINTS[id]
    return {
      id,
      name,
      protocol,
      url: server ? `http://127.0.0.1:${port}${path}` : null,
      enabled: isOn(id),
      error: null,
    }
  }

  /** Null without any credentials. @throws AppError for wrong ones */
  function identify(headers: IncomingHttpHeaders, via: Caller['via']): Caller | null {
    const { authorization } = headers
    const cookie = sessionOf(headers)
    assertLocal(headers, port, cookie !== null)
    if (cookie !== null) {
      const signedIn = sessions.callerOf(cookie)
      return signedIn && security.renewed(signedIn, via)
    }
    if (authorization === undefined) return null
    const key = /^Bearer (\S+)$/i.exec(authorization)?.[1]
    const caller = key ? security.authenticateKey(key, via) : null
    if (!caller) {
      failures.record()
      throw new AppError(
        'security.unauthenticated',
        'This key is unknown, expired or revoked. Make a new one under Access.',
      )
    }
    return caller
  }

  /** Ends what is open of principals and keys that are no more; looks again when the next key expires. */
  function endOver(): void {
    stopWatch()
    const isOver = (caller: Caller | null) => caller !== null && security.renewed(caller, caller.via) === null
    for (const [answer, { caller }] of answering)
      if (!answer.writableEnded && isOver(caller)) answer.destroy()
    for (const [socket, caller] of connected) if (isOver(caller)) socket.terminate()
    const now = clock.now()
    const ends = security
      .listPrincipals()
      .flatMap(({ keys }) =>
        keys.flatMap(({ expiresAt }) => (expiresAt === null ? [] : Date.parse(expiresAt))),
      )
      .filter((end) => end > now)
    if (ends.length > 0) stopWatch = clock.setTimer(Math.min(...ends) - now, endOver)
  }

  /** Whether a holder leaves more unread than may wait for it, over all its connections. */
  function isBehind(caller: Caller): boolean {
    const { principal, key, via } = caller
    const isTheirs = (other: Caller | null) =>
      other?.principal === principal && other.key === key && other.via === via
    let bytes = 0
    for (const [answer, { caller: other }] of answering) if (isTheirs(other)) bytes += answer.writableLength
    for (const [socket, other] of connected) if (isTheirs(other)) bytes += socket.bufferedAmount
    return bytes > MOST_UNREAD_BYTES
  }

  function webApp(protocols: Protocols): Hono<WebEnv> {
    const app = new Hono<WebEnv>()
    app.onError((error) => errorResponse(error))
    app.all('/api/*', async (context) => {
      const { incoming, outgoing } = context.env
      const isAlwaysOn = ALWAYS_ON.test(context.req.path)
      if (!isAlwaysOn) {
        const isOfWindow =
          isOn('websocket') &&
          LARGE_SUBMISSIONS.test(context.req.path) &&
          sessionOf(incoming.headers) !== null
        if (!isOn('rest') && !isOfWindow)
          throw new AppError('network.not_found', 'The REST API is switched off.')
      }
      const caller = identify(incoming.headers, 'http')
      if (caller && isBehind(caller))
        throw new AppError(
          'network.rate_limited',
          'Many answers are not read. Read them before you call again.',
        )
      answering.set(outgoing, { caller, isAlwaysOn })
      outgoing.once('close', () => answering.delete(outgoing))
      const { method } = context.req
      const isRead = method === 'GET' || method === 'HEAD'
      // What is open to all is only read: nobody without a key makes us take in a body.
      if (!caller && !isRead) {
        throw new AppError('security.unauthenticated', 'Send a valid key: Authorization: Bearer KEY.')
      }
      if (isRead && hasBody(incoming)) throw new AppError('system.invalid', `A ${method} takes no body.`)
      const limit = JOB_PATHS.has(context.req.path) ? MAX_JOB_BYTES : MAX_JSON_BYTES
      let [held, kept] = [0, 0]
      const take = (bytes: number) => {
        if (caller) bodies.take(caller.principal, bytes)
        held += bytes
      }
      const giveBack = () => {
        if (caller) bodies.give(caller.principal, held)
        held = 0
      }
      const onRead = () => {
        const bytes = held
        giveBack()
        if (caller) keptBodies.take(holderOf(caller), bytes)
        kept = bytes
      }
      outgoing.once('close', () => {
        giveBack()
        if (caller) keptBodies.give(holderOf(caller), kept)
      })
      const body = isUpload(incoming) ? null : await readBody(incoming, limit, take)
      if (caller) sessions.note(caller, 'rest')
      const token = caller && sessionOf(incoming.headers)
      if (token)
        outgoing.once(
          'close',
          sessions.tie(token, () => outgoing.writableEnded || outgoing.destroy()),
        )
      const call = { incoming, outgoing, body, onRead }
      const response = await protocols.rest(context.req.raw, caller, call)
      return response ? withRetryAfter(response) : RESPONSE_ALREADY_SENT
    })
    const signInLimit = bodyLimit({
      maxSize: MAX_SIGN_IN_BYTES,
      onError: () => errorResponse(tooLarge(MAX_SIGN_IN_BYTES)),
    })
    app.post('/session', signInLimit, async (context) => {
      assertLocal(context.env.incoming.headers, port, false)
      const body = SignIn.safeParse(await context.req.json().catch(() => null))
      if (!body.success) throw new AppError('system.invalid', 'Send {key} or {name, password}.')
      const token = sessions.open(await signIn(body.data))
      return new Response(null, {
        status: 204,
        headers: { 'set-cookie': `${COOKIE}=${token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200` },
      })
    })
    app.delete('/session', (context) => {
      const { headers } = context.env.incoming
      const token = cookieOf(headers)
      assertLocal(headers, port, token !== null)
      if (token) sessions.close(token)
      return new Response(null, {
        status: 204,
        headers: { 'set-cookie': `${COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0` },
      })
    })
    app.get('*', async (context) => {
      const { incoming, outgoing } = context.env
      assertLocal(incoming.headers, port, false)
      const connect = `'self' ws://${context.req.header('host') ?? ''}`
      const file =
        deps.rendererDir && isOn('websocket')
          ? await staticFile(deps.rendererDir, context.req.path, connect)
          : null
      if (!file) throw new AppError('network.not_found', 'There is nothing here. The API is under /api.')
      const { headers } = file
      // Hono drops the answer to HEAD, and that to who has gone by now, without closing the file behind it.
      if (incoming.method === 'HEAD' || outgoing.destroyed) return new Response(null, { headers })
      return new Response(file.open(), { headers })
    })
    return app
  }

  async function signIn(credentials: z.infer<typeof SignIn>): Promise<Caller> {
    if ('password' in credentials)
      return security.authenticatePassword(credentials.name, credentials.password, 'websocket')
    const caller = security.authenticateKey(credentials.key, 'websocket')
    if (caller) return caller
    failures.record()
    throw new AppError('security.unauthenticated', 'This key is unknown, expired or revoked.')
  }

  function upgrades(protocols: Protocols): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
    return (request, socket, head) => {
      socket.on('error', (error) => logger.debug({ err: error }, 'a socket failed during its upgrade'))
      try {
        if (new URL(request.url ?? '', 'http://localhost').pathname !== '/rpc' || !isOn('websocket')) {
          throw new AppError('network.not_found', 'WebSocket calls go to /rpc.')
        }
        const caller = identify(request.headers, 'websocket')
        const token = sessionOf(request.headers)
        if (!caller) throw new AppError('security.unauthenticated', 'Sign in first.')
        sockets.handleUpgrade(request, socket, head, (webSocket) => {
          sessions.note(caller, 'websocket')
          connected.set(webSocket, caller)
          webSocket.once('close', () => connected.delete(webSocket))
          protocols.websocket(webSocket, caller, () => isBehind(caller))
          if (token)
            webSocket.once(
              'close',
              sessions.tie(token, () => webSocket.terminate()),
            )
        })
      } catch (error) {
        const status = error instanceof AppError ? error.status : 500
        // Node has handed the socket over: nobody else ends it, and a server with an open one never closes.
        socket.once('finish', () => socket.destroy())
        socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`)
      }
    }
  }

  function errorResponse(error: unknown): Promise<Response> {
    if (!(error instanceof AppError)) logger.error({ err: error }, 'a request failed unexpectedly')
    const status = error instanceof AppError ? error.status : 500
    return withRetryAfter(Response.json({ error: { details: {}, ...toErrorView(error) } }, { status }))
  }

  return {
    async start(protocols) {
      const app = webApp(protocols)
      const created = createHttpServer(
        getRequestListener((request, env) => app.fetch(request, env as HttpBindings)),
      )
      created.on('upgrade', upgrades(protocols))
      port = await listen(created, deps.port).catch((error: unknown) => {
        if (!deps.fallbackToAnyPort || !(error instanceof AppError)) throw error
        return listen(created, 0)
      })
      // Such as too many open files: the next connection may do again.
      created.on('error', (error) => logger.error({ err: error }, 'the server failed'))
      server = created
      endOver()
      return `http://127.0.0.1:${port}`
    },
    url: () => (server && isOn('rest') ? `http://127.0.0.1:${port}` : null),
    listEndpoints: () => Object.keys(ENDPOINTS).filter(isEndpoint).map(endpoint),
    setEndpoint(id, enabled) {
      if (!isEndpoint(id)) throw new AppError('network.not_found', `There is no endpoint ${id}.`)
      switchedOff.set(id, !enabled)
      if (!isOn('rest')) for (const [answer, { isAlwaysOn }] of answering) if (!isAlwaysOn) answer.destroy()
      if (!isOn('websocket')) for (const socket of sockets.clients) socket.close(GOING_AWAY)
      return endpoint(id)
    },
    listSessions: () => sessions.list(),
    async dispose() {
      for (const stop of stopListening) stop()
      stopWatch()
      sessions.dispose()
      const closing = server
      server = null
      if (!closing) return
      for (const socket of sockets.clients) socket.terminate()
      await new Promise<void>((resolve) => {
        closing.close(() => resolve())
        closing.closeAllConnections()
      })
    },
  }
}

function isEndpoint(id: string): id is EndpointId {
  return Object.hasOwn(ENDPOINTS, id)
}

/** Goes to the disk as it comes, so it may be of any length; every other body is held in memory. */
function isUpload({ method, url, headers }: IncomingMessage): boolean {
  const isMultipart = headers['content-type']?.toLowerCase().startsWith('multipart/form-data') === true
  return isMultipart && method === 'POST' && url?.split('?')[0] === '/api/imports'
}

/** The token of the session as which a call is made; a key goes before it. */
function sessionOf(headers: IncomingHttpHeaders): string | null {
  return headers.authorization === undefined ? cookieOf(headers) : null
}

function cookieOf(headers: IncomingHttpHeaders): string | null {
  return new RegExp(`(?:^|; )${COOKIE}=([\\w-]+)`).exec(headers.cookie ?? '')?.[1] ?? null
}

/** 429 carries its `Retry-After` in seconds, from the error's `retryAfterMs`. */
async function withRetryAfter(response: Response): Promise<Response> {
  if (response.status !== 429 || response.headers.has('retry-after')) return response
  const body = (await response.clone().json()) as { error?: { details?: { retryAfterMs?: number } } }
  const seconds = Math.max(1, Math.ceil((body.error?.details?.retryAfterMs ?? 1000) / 1000))
  const headers = new Headers(response.headers)
  headers.set('retry-after', String(seconds))
  return new Response(response.body, { status: response.status, headers })
}
