/** The closed vocabulary of errors: code -> HTTP status. `docs/errors.md` lists exactly these. */
export const ERROR_STATUS = {
  'core.impossible': 422,
  'core.unavailable': 409,
  'core.not_found': 404,
  'core.in_use': 409,
  'core.quota_exceeded': 409,
  'core.budget_exceeded': 429,
  'storage.not_found': 404,
  'storage.conflict': 409,
  'storage.in_use': 409,
  'storage.unreadable': 422,
  'storage.unknown_format': 422,
  'storage.incomplete': 422,
  'storage.unsafe': 422,
  'storage.disk_full': 507,
  'storage.quota_exceeded': 409,
  'storage.corrupt': 500,
  'storage.hub_unreachable': 502,
  'compute.not_found': 404,
  'compute.conflict': 409,
  'compute.invalid_input': 422,
  'compute.no_runtime': 422,
  'compute.worker_crashed': 500,
  'compute.runtime_failed': 500,
  'compute.timeout': 504,
  'compute.dependency_failed': 409,
  'compute.skipped': 409,
  'compute.deadline_missed': 504,
  'compute.exceeded_lease': 507,
  'compute.interrupted': 503,
  'compute.not_finished': 409,
  'security.unauthenticated': 401,
  'security.denied': 403,
  'security.not_found': 404,
  'security.conflict': 409,
  'security.invalid_policy': 422,
  'security.wrong_password': 401,
  'network.forbidden_origin': 403,
  'network.rate_limited': 429,
  'network.too_large': 413,
  'network.not_found': 404,
  'network.port_in_use': 409,
  'system.invalid': 422,
  'system.newer_data': 409,
  'system.already_running': 409,
  'system.stopping': 503,
  internal: 500,
} as const

export type ErrorCode = keyof typeof ERROR_STATUS

/** JSON-safe facts beside the message: which field, what is missing, who holds it. */
export type ErrorDetails = Record<string, unknown>

/** The plain form an error has on the wire and in the database. */
export interface ErrorView {
  code: ErrorCode
  message: string
  details?: ErrorDetails | undefined
}

/** An expected failure. The message is a sentence that says what happened and what to do. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.details = details
  }

  get status(): number {
    return ERROR_STATUS[this.code]
  }

  toView(): ErrorView {
    return { code: this.code, message: this.message, details: this.details }
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_STATUS, code)
}

/** What may cross a boundary: an AppError as it is; anything else as `internal`, with nothing of the machine in it. */
export function toErrorView(error: unknown): ErrorView {
  if (error instanceof AppError) return error.toView()
  return { code: 'internal', message: 'Something went wrong inside LLMAgentOS. The log has the details.' }
}
