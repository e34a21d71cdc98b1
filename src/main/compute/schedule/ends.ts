/** A run that takes longer than it should is thought to take so many times what it has taken. */
export const OVERRUN = 1.25

/** By when a job that runs is thought to end; one that takes longer than it should, a quarter more than it has taken. */
export function thoughtToEnd(startedAt: number, mostMs: number | null, now: number): number | null {
  if (mostMs === null) return null
  const passedMs = now - startedAt
  return startedAt + (passedMs < mostMs ? mostMs : OVERRUN * passedMs)
}

/** When it is expected to end, on the mean: a quarter more than it has taken at least, as far as it is thought to take that long. */
export function expectedToEnd(
  startedAt: number,
  runMs: number | null,
  mostMs: number | null,
  now: number,
): number | null {
  if (runMs === null) return null
  const expectedAt = startedAt + Math.max(runMs, OVERRUN * (now - startedAt))
  return Math.min(expectedAt, thoughtToEnd(startedAt, mostMs, now) ?? expectedAt)
}
