import { RPCHandler } from '@orpc/server/ws'
import type { WebSocket } from 'ws'
import type { Protocols } from '../../network'
import type { Logger } from '../../platform/logger'
import type { Router } from '../router'
import { wireErrors } from './message-port'

/** Serves a browser: the window's protocol over a WebSocket. */
export function createWebSocketTransport(router: Router, logger: Logger): Protocols['websocket'] {
  const handler = new RPCHandler(router, { clientInterceptors: [wireErrors(logger)] })
  return (socket, caller, isBehind) => {
    socket.on('error', (error) => logger.debug({ err: error }, 'a browser connection failed'))
    const paced = { addEventListener: callsOnly(socket, logger), send: pacedSend(socket, isBehind, logger) }
    void handler.upgrade(paced, { context: { caller } })
  }
}

/**
 * Listeners hear of calls, and that one is given up. No call here takes a stream or a file, and oRPC would keep the parts of
 * a stream, however many, for as long as any call is open: who sends something else is cut off.
 */
function callsOnly(socket: WebSocket, logger: Logger): WebSocket['addEventListener'] {
  return (type, listener) =>
    socket.addEventListener(type, (event) => {
      if ('data' in event && !isCall(event.data)) {
        logger.warn('a connection that sent what no call takes was cut off')
        socket.terminate()
      } else if (typeof listener === 'function') listener(event)
      else listener.handleEvent(event)
    })
}

/** oRPC's type of a message with a part of a stream from the caller. */
const EVENT_ITERATOR = 3

function isCall(data: unknown): boolean {
  try {
    return typeof data === 'string' && JSON.parse(data).t !== EVENT_ITERATOR
  } catch {
    return false // no JSON
  }
}

/**
 * Resolves when the bytes have left this process: a live view asks for its next change only then. Calls do not wait for
 * each other, so a caller who goes on calling without reading the answers is cut off.
 */
function pacedSend(
  socket: WebSocket,
  isBehind: () => boolean,
  logger: Logger,
): (data: Parameters<WebSocket['send']>[0]) => Promise<void> {
  return (data) =>
    new Promise((resolve) => {
      if (isBehind()) {
        logger.warn({ bufferedBytes: socket.bufferedAmount }, 'a browser that does not read was cut off')
        socket.terminate()
      }
      // An error here is that of a closed socket, whose close ends every call.
      socket.send(data, () => resolve())
    })
}
