import { RPCLink as PortLink } from '@orpc/client/message-port'
import { RPCLink as SocketLink } from '@orpc/client/websocket'
import { z } from 'zod'
import { ErrorBody } from '../../../shared/contract'
import { isErrorCode } from '../../../shared/errors'
import { readSystemClock } from './clock'
import { AnsweredError } from './errors'
import { hostBridge } from './host'

const ErrorAnswer = z.object({ error: ErrorBody })

/** The part of an oRPC link that the client needs. */
export interface Link {
  call(path: readonly string[], input: unknown, options: LinkOptions): Promise<unknown>
}
export type LinkOptions = Parameters<PortLink<Record<never, never>>['call']>[2]

export interface Transport {
  link: Link
  /** Resolves when the other side has gone. */
  closed: Promise<void>
}

/** The server is there and does not know this browser: a person must sign in. */
export class SignInNeeded extends Error {
  override readonly name = 'SignInNeeded'
}

const OPEN_TIMEOUT_MS = 10_000

/** A message port from the preload: authenticated by being this window's main frame. */
function openPort(): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      window.removeEventListener('message', onMessage)
      reject(new Error('The desktop did not hand over a port.'))
    }, OPEN_TIMEOUT_MS)
    function onMessage(event: MessageEvent): void {
      const port = event.ports[0]
      if (event.source !== window || event.data !== 'llmagentos:port' || !port) return
      clearTimeout(timer)
      window.removeEventListener('message', onMessage)
      const closed = new Promise<void>((gone) => port.addEventListener('close', () => gone()))
      const link = new PortLink({ port })
      port.start()
      resolve({ link, closed })
    }
    window.addEventListener('message', onMessage)
    window.postMessage('llmagentos:connect', '*')
  })
}

/**
 * oRPC sends its cancellations even over a socket that has closed, and nobody could catch what that throws. What is
 * sent into a closing socket is dropped here; the close itself ends every call that waits.
 */
function lenient(socket: WebSocket): ConstructorParameters<typeof SocketLink>[0]['websocket'] {
  return {
    addEventListener: socket.addEventListener.bind(socket),
    removeEventListener: socket.removeEventListener.bind(socket),
    get readyState() {
      return socket.readyState === WebSocket.CONNECTING ? WebSocket.CONNECTING : WebSocket.OPEN
    },
    send(data) {
      if (socket.readyState === WebSocket.OPEN) socket.send(data)
    },
  }
}

/** What carries tensors, and where it goes when it is long. */
const SUBMISSIONS: ReadonlyMap<string, string> = new Map([
  ['compute.jobs.submit', '/api/jobs'],
  ['compute.pipelines.submit', '/api/pipelines'],
])
/** Far below the 512 KiB of a message: a character takes three bytes at the most. */
const MOST_CHARACTERS = 80_000

/** Jobs with large tensors go over the REST API, which takes such; everything else over the socket. */
export function largeOverRest(socket: Link): Link {
  return {
    async call(path, input, options) {
      const route = SUBMISSIONS.get(path.join('.'))
      const body = route === undefined ? '' : JSON.stringify(input)
      if (route === undefined || body.length <= MOST_CHARACTERS) return socket.call(path, input, options)
      const headers = { 'content-type': 'application/json' }
      const { signal = null } = options
      const response = await fetch(route, { method: 'POST', headers, body, signal })
      if (!response.ok) throw await answeredError(response)
      return response.json()
    },
  }
}

function askHealth(): Promise<Response> {
  return fetch('/api/health', { cache: 'no-store', signal: AbortSignal.timeout(OPEN_TIMEOUT_MS) })
}

function openSocket(): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/rpc`)
    const timer = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS)
    const closed = new Promise<void>((gone) => socket.addEventListener('close', () => gone()))
    const link = largeOverRest(new SocketLink({ websocket: lenient(socket) }))
    socket.addEventListener('open', async () => {
      clearTimeout(timer)
      // Before the first of its times is shown, and kept or thrown away by its age.
      await readSystemClock(askHealth)
      resolve({ link, closed })
    })
    closed
      .then(async () => {
        clearTimeout(timer)
        // A browser does not say why a socket was refused; a healthy server that refuses wants a sign-in.
        const health = await askHealth()
        reject(health.ok ? new SignInNeeded('Sign in.') : new Error('The server is not ready.'))
      })
      .catch(reject)
  })
}

/** @throws SignInNeeded when the server wants to know who is there */
export function openTransport(): Promise<Transport> {
  return hostBridge() ? openPort() : openSocket()
}

/** Exchanges a key or a name and password for a session cookie. @throws AnsweredError with the server's words */
export async function signIn(
  credentials: { key: string } | { name: string; password: string },
): Promise<void> {
  const response = await fetch('/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials),
  })
  if (response.ok) return
  throw await answeredError(response)
}

/** The error in an answer of the REST API; without one, its status line. */
export async function answeredError(response: Response): Promise<AnsweredError> {
  const body: unknown = await response.json().catch(() => null)
  const parsed = ErrorAnswer.safeParse(body)
  if (!parsed.success) {
    const message = `${response.status} ${response.statusText}`.trim()
    return new AnsweredError({ code: 'internal', message, details: {} })
  }
  const { code, message, details = {} } = parsed.data.error
  return new AnsweredError({ code: isErrorCode(code) ? code : 'internal', message, details })
}
