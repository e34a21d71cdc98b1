/** So many gaps tell how closely jobs follow each other: a crowd is soon seen, and soon forgotten. */
const GAPS = 8
/** Kinds of jobs that are remembered, those that came last. */
const MOST_KINDS = 1_000

/** How closely jobs that could run in one go follow each other. */
export class Arrivals {
  /** Unix ms of the last ones, oldest first. */
  readonly #times = new Map<string, number[]>()

  /** @param kind of jobs that could run in one go */
  note(kind: string, nowMs: number): void {
    const times = this.#times.get(kind) ?? []
    times.push(nowMs)
    if (times.length > GAPS + 1) times.shift()
    this.#times.delete(kind)
    this.#times.set(kind, times)
    const [oldest] = this.#times.keys()
    if (this.#times.size > MOST_KINDS && oldest !== undefined) this.#times.delete(oldest)
  }

  /**
   * Until the next one, as the (upper) median of the last gaps: a pause between two crowds does not hide them, and a lone
   * caller, who comes again when he has his answer, is none. Infinite while too few have come.
   */
  gapMs(kind: string): number {
    const times = this.#times.get(kind) ?? []
    if (times.length <= GAPS) return Number.POSITIVE_INFINITY
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at))
    return gaps.sort((a, b) => a - b)[GAPS / 2] ?? Number.POSITIVE_INFINITY
  }
}
