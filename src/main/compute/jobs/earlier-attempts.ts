import { z } from 'zod'
import { AttemptEnding, type EarlierAttempt, Placement } from '../../../shared/contract'
import { toIso } from '../../platform/clock'

/** So many are kept of a job that is interrupted again and again. */
const MOST_ATTEMPTS = 20

/** As the row keeps it: times are Unix ms. */
export const StoredAttempt = z.object({
  attempt: z.number().int(),
  startedAt: z.number(),
  finishedAt: z.number(),
  queuedMs: z.number(),
  loadMs: z.number(),
  placement: Placement,
  end: AttemptEnding,
})
export type StoredAttempt = z.infer<typeof StoredAttempt>

interface Begun {
  attempt: number
  startedAt: number | null
  queuedMs: number
  placement: z.infer<typeof Placement> | null
  attempts: readonly StoredAttempt[]
}

/** The attempts of a job with the one that has just ended without ending the job. */
export function withEarlier(
  { attempt, startedAt, queuedMs, placement, attempts }: Begun,
  ended: Pick<StoredAttempt, 'finishedAt' | 'loadMs' | 'end'>,
): readonly StoredAttempt[] {
  const { finishedAt } = ended
  const began = { attempt, startedAt: startedAt ?? finishedAt, queuedMs, placement: placement ?? [] }
  return [...attempts, { ...began, ...ended }].slice(-MOST_ATTEMPTS)
}

/** As the contract shows it. */
export function earlierAttempt({ startedAt, finishedAt, ...attempt }: StoredAttempt): EarlierAttempt {
  return { ...attempt, startedAt: toIso(startedAt), finishedAt: toIso(finishedAt) }
}
