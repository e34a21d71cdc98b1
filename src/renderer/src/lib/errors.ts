import { notifications } from '@mantine/notifications'
import { ORPCError } from '@orpc/client'
import { type ErrorCode, isErrorCode } from '../../../shared/errors'
import { i18n } from './i18n'
import { codedWords } from './words'

/** What the window knows beside the closed vocabulary: no connection, and a person's own cancellation. */
export type WindowErrorCode = ErrorCode | 'offline' | 'cancelled'

/** An error as a page shows it: a code to look up, a sentence to read, facts beside it. */
export interface ErrorView {
  code: WindowErrorCode
  message: string
  details: Record<string, unknown>
}

/** The connection to the system is not there (yet, or any more). */
export class OfflineError extends Error {
  override readonly name = 'OfflineError'
}

/** An error that the REST API answered with, as it said it. */
export class AnsweredError extends Error {
  override readonly name = 'AnsweredError'

  constructor(readonly view: ErrorView) {
    super(view.message)
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

/** Any thrown value as {code, message, details}: errors of the system keep theirs, the rest become `internal`. */
export function toErrorView(error: unknown): ErrorView {
  if (error instanceof ORPCError) {
    const code: string = error.code
    const details = isRecord(error.data) ? error.data : {}
    if (isErrorCode(code)) return translated({ code, message: error.message, details })
    return { code: 'internal', message: i18n.t('common:error.internal'), details: {} }
  }
  if (error instanceof AnsweredError) return translated(error.view)
  if (isErrorView(error)) return error
  if (isAbort(error)) return { code: 'cancelled', message: i18n.t('common:error.cancelled'), details: {} }
  // oRPC's peers reject what is under way with a plain Error when the transport closes.
  return { code: 'offline', message: i18n.t('common:error.offline'), details: {} }
}

/** Whether what was asked for may not be seen, not even what an earlier answer said. */
export function isDenied({ code }: ErrorView): boolean {
  return code === 'security.denied'
}

/** Whether an earlier answer still stands after this error: all that is known is that a newer one did not come. */
export function leavesWhatWasKnown(error: ErrorView): boolean {
  return !isDenied(error) && !error.code.endsWith('.not_found')
}

/** In the words of the window, which a page then only has to show. */
function translated(view: ErrorView): ErrorView {
  return { ...view, message: codedWords(view) }
}

function isErrorView(error: unknown): error is ErrorView {
  if (!isRecord(error) || typeof error['code'] !== 'string') return false
  const known = isErrorCode(error['code']) || error['code'] === 'offline' || error['code'] === 'cancelled'
  return known && typeof error['message'] === 'string' && isRecord(error['details'])
}

/** Says an error in a notification, once for the same words; a cancellation says nothing. */
export function notifyError(error: unknown, title?: string): void {
  const view = toErrorView(error)
  if (view.code === 'cancelled') return
  notifications.show({
    id: `error:${view.code}:${view.message}`,
    color: 'red',
    title: title ?? i18n.t('common:error.title'),
    message: view.message,
    autoClose: 10_000,
    withBorder: true,
  })
}
