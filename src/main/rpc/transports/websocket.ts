import { RPCHandler } from '@orpc/server/ws'
import type { WebSocket } from 'ws'
import type { Logger } from '../../platform/logger'
import type { Caller } from '../../security'
import type { Router } from '../router'
import { wireErrors } from './message-port'

/** Serves a browser: the window's protocol over a WebSocket. */
export function createWebSocketTransport(
  router: Router,
  logger: Logger,
): (socket: WebSocket, caller: Caller) => void {
  const handler = new RPCHandler(router, { clientInterceptors: [wireErrors(logger)] })
  return (socket, caller) => {
    socket.on('error', (error) => logger.debug({ err: error }, 'a browser connection failed'))
    void handler.upgrade(socket, { context: { caller } })
  }
}
