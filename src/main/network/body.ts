import type { IncomingMessage } from 'node:http'
import { formatBytes } from '../../shared/domain/units'
import { AppError } from '../../shared/errors'

/** Whether a body follows the headers. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0
}

/** The bytes of a request. @throws AppError `network.too_large` for more than `maxBytes`, told or not told beforehand */
export function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) {
      reject(tooLarge(maxBytes))
      return
    }
    const chunks: Buffer[] = []
    let size = 0
    const settle = (how: () => void) => {
      incoming.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      how()
    }
    const onData = (chunk: Buffer) => {
      size += chunk.byteLength
      chunks.push(chunk)
      if (size > maxBytes) settle(() => reject(tooLarge(maxBytes)))
    }
    const onEnd = () =>
      settle(() => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    const onError = (error: Error) => settle(() => reject(error))
    const onClose = () => onError(new AppError('compute.interrupted', 'The call was cancelled.'))
    incoming.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  })
}

export function tooLarge(maxBytes: number): AppError {
  return new AppError('network.too_large', `A request may hold up to ${formatBytes(maxBytes)} here.`)
}
