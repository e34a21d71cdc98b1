import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppError } from '../../shared/errors'
import { hasBody } from './body'

const KEEP_ALIVE_MS = 65_000
const MOST_SILENCE_MS = 120_000

/** Ends a connection whose body stops coming for `silenceMs`. One that comes may take any time: uploads have no end. */
export function createHttpServer(onRequest: RequestListener, silenceMs = MOST_SILENCE_MS): Server {
  // Without a limit for headers of its own, Node takes that of the whole request.
  const limits = { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: KEEP_ALIVE_MS }
  return createServer(limits, (incoming, outgoing) => {
    endWhenSilent(incoming, outgoing, silenceMs)
    endWithConnection(incoming, outgoing)
    onRequest(incoming, outgoing)
  })
}

function endWhenSilent(incoming: IncomingMessage, outgoing: ServerResponse, silenceMs: number): void {
  if (!hasBody(incoming)) return
  incoming.setTimeout(silenceMs)
  // Once it has answered, Node's own timer for the next request is set on the same socket.
  incoming.once('end', () => {
    if (!outgoing.writableFinished) incoming.setTimeout(0)
  })
}

/**
 * Of the end of a connection Node tells the answer whose turn it is. Those in line behind it would hold for ever what they
 * have: files, live views, a share of what their caller may have open.
 */
function endWithConnection({ socket }: IncomingMessage, outgoing: ServerResponse): void {
  const onClose = () => {
    if (outgoing.socket || outgoing.writableFinished) return
    outgoing.destroy()
    outgoing.emit('close')
  }
  socket.setMaxListeners(0) // as many as are in line
  socket.once('close', onClose)
  outgoing.once('close', () => socket.off('close', onClose))
}

/** Listens on loopback. @returns the port @throws AppError `network.port_in_use` */
export async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return reject(error)
      reject(
        new AppError(
          'network.port_in_use',
          `Port ${port} is taken by another program. Choose another in Settings, or 0 for any.`,
          { port },
          { cause: error },
        ),
      )
    })
    server.listen(port, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}
