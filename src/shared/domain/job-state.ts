export const JOB_STATES = ['queued', 'held', 'running', 'succeeded', 'failed', 'cancelled'] as const
export type JobState = (typeof JOB_STATES)[number]

/** Every legal move. Terminal states have none; trying again after a failure is a new job. */
const MOVES: Record<JobState, readonly JobState[]> = {
  queued: ['held', 'running', 'failed', 'cancelled'],
  held: ['queued', 'cancelled'],
  running: ['queued', 'succeeded', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
}

export function isTerminal(state: JobState): state is 'succeeded' | 'failed' | 'cancelled' {
  return MOVES[state].length === 0
}

export function canMove(from: JobState, to: JobState): boolean {
  return MOVES[from].includes(to)
}
