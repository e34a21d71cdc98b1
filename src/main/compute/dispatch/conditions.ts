import type { RunWhen } from '../../../shared/contract'
import type { JobId } from '../../../shared/domain/ids'

/** How a job came to its end; `skipped`: its condition was not met. */
export type Ending = 'succeeded' | 'failed' | 'cancelled' | 'skipped'

/** How a job ended; null while it has not. */
export type EndingOf = (id: JobId) => Ending | null

/** Asks once for each: a thousand jobs may wait for the same thousand. It holds for as long as no end is undone. */
export function onceEach(endingOf: EndingOf): EndingOf {
  const known = new Map<JobId, Ending>()
  return (id) => {
    const ending = known.get(id) ?? endingOf(id)
    if (ending) known.set(id, ending)
    return ending
  }
}

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
