/** No timer is shorter. */
const TIMER_MS = 1
/** What a wait costs in which nobody comes is no more than this part of a run. */
const COST = 0.1

/** A run that could begin, and what is known of those who may come. */
export interface Gathering {
  nowMs: number
  /** Since when it waits for the next: its own beginning, or that somebody joined. */
  sinceMs: number
  /** How closely they follow each other. */
  gapMs: number
  /** So many are there. */
  count: number
  /** By when the first of them is to have ended, Unix ms. */
  targetMs: number
  /** What so many take in one go; null where that is not known. */
  runMs(count: number): number | null
}

/**
 * Until when a run waits for one more, Unix ms; null: it begins.
 *
 * Of n that could begin now and one that comes after a gap g, all together have waited less if they wait for it, when
 * g < run(1) / (n + 1) - (run(n + 1) - run(n)): its run alone, divided among all, less what it adds to theirs. If nobody
 * comes in that time, the wait has cost all of them together less than one run.
 */
export function gatherUntil({ nowMs, sinceMs, gapMs, count, targetMs, runMs }: Gathering): number | null {
  const [one, those, more] = [runMs(1), runMs(count), runMs(count + 1)]
  if (one === null || those === null || more === null) return null
  const payingMs = one / (count + 1) - Math.max(0, more - those)
  if (gapMs >= payingMs || COST * one < TIMER_MS) return null
  const untilMs = Math.min(sinceMs + Math.max(TIMER_MS, payingMs), targetMs - more)
  return untilMs > nowMs ? untilMs : null
}
