import type { IncomingMessage } from 'node:http'
import { formatBytes } from '../../shared/domain/units'
import { AppError } from '../../shared/errors'

/** Whether a body follows the headers. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}

/**
 * The bytes of a request, in one piece: many small ones kept as they come would take many times their size.
 * @param take is told of bytes before they are held; what it throws ends the reading
 * @throws AppError `network.too_large` for more than `maxBytes`, told or not told beforehand
 */
export function readBody(
  incoming: IncomingMessage,
  maxBytes: number,
  take: (bytes: number) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const told = Number(incoming.headers['content-length'] ?? 0)
    if (told > maxBytes) {
      reject(tooLarge(maxBytes))
      return
    }
    const most = told || maxBytes
    let held = Buffer.alloc(0)
    let size = 0
    const settle = (how: () => void) => {
      incoming.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone)
      how()
    }
    const add = (chunk: Buffer) => {
      const next = size + chunk.byteLength
      if (next > maxBytes) throw tooLarge(maxBytes)
      if (next > held.byteLength) {
        const room = Math.max(next, Math.min(2 * held.byteLength, most))
        take(room - held.byteLength)
        const larger = Buffer.allocUnsafe(room)
        held.copy(larger, 0, 0, size)
        held = larger
      }
      chunk.copy(held, size)
      size = next
    }
    const onData = (chunk: Buffer) => {
      try {
        add(chunk)
      } catch (error) {
        settle(() => reject(error))
      }
    }
    const onEnd = () => settle(() => resolve(held.subarray(0, size)))
    const onGone = () => settle(() => reject(new AppError('compute.interrupted', 'The call was cancelled.')))
    incoming.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone)
  })
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError('network.too_large', `A request may hold up to ${formatBytes(maxBytes)} here.`)
}
