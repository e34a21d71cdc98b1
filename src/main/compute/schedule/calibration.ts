import type { StartPrediction } from './predictions'

/** Each end of the interval is to miss one in ten. */
const MISS = 0.1
/** An outcome widens or narrows an end by so much at the most. */
const RATE = 0.3
/** However sure a replay is, a start may be off by so much of the time to it, and by what a turn takes. */
const LEAST_PART = 0.05
const LEAST_MS = 50
const WIDEST = 4

/**
 * Widens intervals by what outcomes have shown: a miss moves that end out by nine times what a hit moves it in, so that
 * in the long run each misses one in ten, whatever was wrong about the model, jobs yet to come among it (adaptive
 * conformal inference: Gibbs, Candes, 2021, on the logarithm of the width).
 */
export class Calibration {
  #early = 0
  #late = 0

  /** @param now when the prediction is made */
  widen<T extends StartPrediction>(prediction: T, now: number): T {
    const { at, earliest, latest } = prediction
    const least = Math.max(LEAST_MS, LEAST_PART * (at - now))
    return {
      ...prediction,
      earliest: Math.max(now, at - Math.max(least, at - earliest) * Math.exp(this.#early)),
      latest: at + Math.max(least, latest - at) * Math.exp(this.#late),
    }
  }

  /** @param prediction as it was told, widened */
  observe({ earliest, latest }: StartPrediction, happened: number): void {
    this.#early = moved(this.#early, happened < earliest)
    this.#late = moved(this.#late, happened > latest)
  }
}

function moved(width: number, missed: boolean): number {
  const next = width + RATE * (missed ? 1 - MISS : -MISS)
  return Math.min(WIDEST, Math.max(-WIDEST, next))
}
