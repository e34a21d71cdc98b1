import type { RunWhen } from '../../../shared/contract'

/** How a job came to its end; `skipped`: its condition was not met. */
export type Ending = 'succeeded' | 'failed' | 'cancelled' | 'skipped'

export type Verdict = 'wait' | 'run' | 'skip' | 'fail'

/**
 * What becomes of a job whose dependencies stand so; null: not ended yet. One that needs their success fails as soon as
 * one of them has; otherwise all are heard out, so that the order in which they end decides nothing.
 */
export function judge(runWhen: RunWhen, endings: readonly (Ending | null)[]): Verdict {
  if (runWhen === 'succeeded') {
    if (endings.includes('failed') || endings.includes('cancelled')) return 'fail'
  }
  if (endings.includes(null)) return 'wait'
  if (runWhen === 'succeeded') return endings.includes('skipped') ? 'skip' : 'run'
  return runWhen === 'ended' || endings.includes('failed') ? 'run' : 'skip'
}
