import { ORPCError, ValidationError } from '@orpc/server'
import { AppError, isErrorCode, toErrorView } from '../../shared/errors'
import type { Logger } from '../platform/logger'

/**
 * Any failure as it may leave the system: expected ones as they are, bad input as `system.invalid` naming the field,
 * the rest as `internal` and into the log.
 */
export function toWireError(error: unknown, logger: Logger): ORPCError<string, unknown> {
  if (error instanceof AppError) {
    return new ORPCError(error.code, { status: error.status, message: error.message, data: error.details })
  }
  if (error instanceof ORPCError) {
    if (isErrorCode(error.code)) return error
    if (error.code === 'NOT_FOUND')
      return wire('network.not_found', 'There is no such route. /api/openapi.json lists them all.')
    const cause = error.cause
    if (cause instanceof ValidationError && error.code === 'BAD_REQUEST') return invalid(cause.issues)
    if (error.code === 'BAD_REQUEST') return wire('system.invalid', error.message)
  }
  if (isAbort(error)) return wire('compute.interrupted', 'The call was cancelled.')
  logger.error({ err: error }, 'a procedure failed unexpectedly')
  return wire('internal', toErrorView(error).message)
}

function wire(
  ...[code, message, details]: ConstructorParameters<typeof AppError>
): ORPCError<string, unknown> {
  const error = new AppError(code, message, details)
  return new ORPCError(code, { status: error.status, message, data: error.details })
}

type Issue = { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined }

function invalid(issues: readonly Issue[]): ORPCError<string, unknown> {
  const fields = issues.slice(0, 10).map((issue) => ({
    field: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
    message: issue.message,
  }))
  const first = fields[0]
  const message = first
    ? `${first.field ? `${first.field}: ` : ''}${first.message}`
    : 'The input is not valid.'
  return wire('system.invalid', message, { field: first?.field ?? '', fields })
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
