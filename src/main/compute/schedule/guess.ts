/**
 * How long a job may run of whose kind none has: a log-logistic distribution, whose tail is heavy, so that one which has
 * run for long is thought to run for as long again.
 */
export interface Guess {
  medianMs: number
  /** The greater, the narrower; the logarithm deviates by pi / (sqrt(3) shape). */
  shape: number
}

/** Of the lengths that are over `passedMs`, the one that the part `p` of them stays within, ms; `p` in 0 to 1, neither included. */
export function quantileMs({ medianMs, shape }: Guess, p: number, passedMs = 0): number {
  const outlasts = 1 / (1 + (passedMs / medianMs) ** shape)
  return Math.max(passedMs, medianMs * (1 / (outlasts * (1 - p)) - 1) ** (1 / shape))
}

/** Before anything has run, of one unit: an item, a token. Nine in ten fall between a twentieth and twenty times of it. */
const PRIOR_MEAN = Math.log(50)
const PRIOR_DEVIATION = 1.8
/** What is thought before weighs as much as so many that were seen. */
const PRIOR_COUNT = 2

/** How the unknown are guessed: by what the first runs of others of their kind took. */
export class Guesses {
  /** Of logarithms of ms a unit, by kind: count, sum, sum of squares. */
  readonly #seen = new Map<string, { count: number; sum: number; squares: number }>()

  /** The first run of something. */
  observe(kind: string, unitMs: number): void {
    const seen = this.#seen.get(kind) ?? { count: 0, sum: 0, squares: 0 }
    const log = Math.log(Math.max(unitMs, 1e-3))
    this.#seen.set(kind, {
      count: seen.count + 1,
      sum: seen.sum + log,
      squares: seen.squares + log ** 2,
    })
  }

  of(kind: string, units: number): Guess {
    const { count, sum, squares } = this.#seen.get(kind) ?? { count: 0, sum: 0, squares: 0 }
    const all = count + PRIOR_COUNT
    const mean = (sum + PRIOR_COUNT * PRIOR_MEAN) / all
    const square = (squares + PRIOR_COUNT * (PRIOR_DEVIATION ** 2 + PRIOR_MEAN ** 2)) / all
    const deviation = Math.sqrt(Math.max(0.01, square - mean ** 2))
    return { medianMs: Math.exp(mean) * Math.max(1, units), shape: Math.PI / (Math.sqrt(3) * deviation) }
  }
}
