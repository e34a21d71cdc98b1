import { AppError } from '../../shared/errors'

/** The work was ended because the system stops: what can be taken up again is. */
export function isStopping({ reason }: AbortSignal): boolean {
  return reason instanceof AppError && reason.code === 'system.stopping'
}
