/** How fast bytes come: the newest count and the speed, smoothed over a few seconds. */
export interface Pace {
  atMs: number
  bytes: number
  /** Null until two counts are known. */
  bytesPerMs: number | null
}

/** Older speeds lose their weight with this time constant. */
const SMOOTH_MS = 4_000
/** Below this, the clock's own steps would be measured. */
const LEAST_MS = 50

/** The pace after another count; a count that fell (it began again) starts anew. */
export function advance(pace: Pace | null, bytes: number, atMs: number): Pace {
  if (pace === null || bytes < pace.bytes) return { atMs, bytes, bytesPerMs: null }
  const passedMs = atMs - pace.atMs
  if (passedMs < LEAST_MS) return pace
  const current = (bytes - pace.bytes) / passedMs
  if (pace.bytesPerMs === null) return { atMs, bytes, bytesPerMs: current }
  const weight = 1 - Math.exp(-passedMs / SMOOTH_MS)
  return { atMs, bytes, bytesPerMs: pace.bytesPerMs + weight * (current - pace.bytesPerMs) }
}

/** The time until `total` is reached; null where nothing moves. */
export function remainingMs(pace: Pace, total: number): number | null {
  if (pace.bytesPerMs === null || pace.bytesPerMs <= 0) return null
  return Math.max(0, total - pace.bytes) / pace.bytesPerMs
}
