/** When a job that runs is thought to end; one that takes longer than it should, a quarter more than it has taken. */
export function thoughtToEnd(startedAt: number, mostMs: number | null, now: number): number | null {
  return mostMs === null ? null : startedAt + Math.max(mostMs, 1.25 * (now - startedAt))
}
