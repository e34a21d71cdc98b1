/** Before anything has ended, jobs are thought to take exp(-0.5) of their estimates. */
const PRIOR = { logRatio: -0.5, weight: 5, spread: 1, noSignal: 20 }

interface Seen {
  count: number
  sum: number
}

/**
 * What jobs really take of their estimates, learned as they end. The logarithm of run time over estimate has a mean
 * over all jobs and a deviation of each kind (such as user and size), which is believed as far as kinds have proved to
 * deviate: its weight is n t / (n t + s) for n observations, variance t between kinds and s within them (empirical
 * Bayes, Buehlmann's credibility). t is the mean product of an observation with its kind's mean before it, which noise
 * alone leaves at zero.
 */
export class Runtimes {
  readonly #kinds = new Map<string, Seen>()
  #sum = PRIOR.logRatio * PRIOR.weight
  #count = PRIOR.weight
  #within = PRIOR.spread
  #withinCount = PRIOR.weight
  #between = 0
  #betweenCount = PRIOR.noSignal

  /** Expected run time. */
  expect(estimate: number, kind: string): number {
    const seen = this.#kinds.get(kind)
    const all = this.#sum / this.#count
    if (!seen) return estimate * Math.exp(all)
    const between = Math.max(0, this.#between / this.#betweenCount)
    const within = this.#within / this.#withinCount
    return estimate * Math.exp(all + (seen.sum * between) / (seen.count * between + within))
  }

  /** So many times what is expected a run takes that is by so many standard deviations too long. */
  excess(deviations: number): number {
    return Math.exp(deviations * Math.sqrt(this.#within / this.#withinCount))
  }

  observe(runtime: number, estimate: number, kind: string): void {
    if (!(runtime > 0 && estimate > 0)) return
    const ratio = Math.log(runtime / estimate)
    const deviation = ratio - this.#sum / this.#count
    this.#sum += ratio
    this.#count++
    this.#within += deviation * deviation
    this.#withinCount++
    const seen = this.#kinds.get(kind)
    if (!seen) {
      this.#kinds.set(kind, { count: 1, sum: deviation })
      return
    }
    this.#between += (deviation * seen.sum) / seen.count
    this.#betweenCount++
    seen.sum += deviation
    seen.count++
  }
}
