import { RPCHandler } from '@orpc/server/message-port'
import type { Logger } from '../../platform/logger'
import type { Caller } from '../../security'
import { toWireError } from '../errors'
import type { Router } from '../router'
import { isStream } from '../streams'

/** A MessagePort of Electron's main process, of Node or of the DOM. */
export type MessagePortLike = Parameters<RPCHandler<{ caller: Caller }>['upgrade']>[0]

/** Serves the window: calls and live streams over a MessagePort that the preload handed over. */
export function createMessagePortTransport(
  router: Router,
  logger: Logger,
): (port: MessagePortLike, caller: Caller) => void {
  const handler = new RPCHandler(router, { clientInterceptors: [wireErrors(logger)] })
  return (port, caller) => {
    handler.upgrade(port, { context: { caller } })
    // Ports of Electron and Node keep their messages back until they are started.
    if ('start' in port && typeof port.start === 'function') port.start()
  }
}

/** Turns what a procedure throws, now or in the middle of a stream, into what may cross a boundary. */
export function wireErrors(
  logger: Logger,
): <Output>(options: { next(): Promise<Output> }) => Promise<Output> {
  return async <Output>({ next }: { next(): Promise<Output> }) => {
    try {
      const output: unknown = await next()
      return (isStream(output) ? wireErrorsWithin(output, logger) : output) as Output
    } catch (error) {
      throw toWireError(error, logger)
    }
  }
}

async function* wireErrorsWithin<Part>(parts: AsyncIterable<Part>, logger: Logger): AsyncGenerator<Part> {
  try {
    yield* parts
  } catch (error) {
    throw toWireError(error, logger)
  }
}
