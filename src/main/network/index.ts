import type { IncomingMessage, ServerResponse } from 'node:http'
import type { WebSocket } from 'ws'
import type { ClientSession, Endpoint } from '../../shared/contract'
import type { Clock } from '../platform/clock'
import type { Disposable } from '../platform/events'
import type { Logger } from '../platform/logger'
import type { Caller, Security } from '../security'

export { createNetwork } from './network'
export { contentSecurityPolicy } from './static-files'

/** What lies below a request. */
export interface RestCall {
  incoming: IncomingMessage
  outgoing: ServerResponse
  /** The whole body, within the limit of its route; null for an upload, which is streamed from `incoming`. */
  body: Buffer | null
  /** Says that the body is read; what was made of it stays until the answer. @throws AppError `network.rate_limited` */
  onRead(): void
}

/** What speaks the protocols behind the listeners; every call still passes the router's authorisation. */
export interface Protocols {
  /** @param caller null without credentials @returns null when it was answered on `outgoing` already */
  rest(request: Request, caller: Caller | null, call: RestCall): Promise<Response | null>
  /** @param isBehind whether the caller leaves unread more than may wait for it */
  websocket(socket: WebSocket, caller: Caller, isBehind: () => boolean): void
}

/** Listeners, protocols, client sessions and limits. */
export interface Network extends Disposable {
  /** Listens on loopback; returns the base address, `http://127.0.0.1:PORT`. @throws AppError `network.port_in_use` */
  start(protocols: Protocols): Promise<string>
  /** Base address while listening. */
  url(): string | null
  listEndpoints(): Endpoint[]
  /** Switches a protocol on or off; kept over restarts. @throws AppError `network.not_found` */
  setEndpoint(id: string, enabled: boolean): Endpoint
  /** Callers seen in the last five minutes. */
  listSessions(): ClientSession[]
}

export interface NetworkDeps {
  security: Security
  clock: Clock
  logger: Logger
  /** 0 lets the system choose. */
  port: number
  /** Takes any free port when `port` is in use, instead of failing. */
  fallbackToAnyPort: boolean
  /** The built window, served to browsers; null serves the API alone. */
  rendererDir: string | null
  /** Remembers which endpoints are switched off. */
  switchedOff: { has(id: string): boolean; set(id: string, off: boolean): void }
}
