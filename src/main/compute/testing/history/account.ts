/** Little, so that it is used up again and again. */
export const BUDGET = { cpuSeconds: 0.3, gpuSeconds: 0.08, jobs: 6, windowMs: 60_000 }
/** In seconds of one core: clocks count whole milliseconds, and two cores are two. */
const ROUNDING = 0.005

interface Use {
  at: number
  cpuSeconds: number
  gpuSeconds: number
  jobs: number
}

/** What was really used of {@link BUDGET} in the window that ends now. */
export class Account {
  readonly #now: () => number
  #uses: Use[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  /** @param submittedAt they were charged then or later */
  addJobs(jobs: number, submittedAt: number): void {
    this.#uses.push({ at: Math.min(submittedAt, this.#now()), cpuSeconds: 0, gpuSeconds: 0, jobs })
  }

  addSpan(fromMs: number, cores: number, gpus: number): void {
    const seconds = (this.#now() - fromMs) / 1000
    if (seconds > 0)
      this.#uses.push({ at: fromMs, cpuSeconds: seconds * cores, gpuSeconds: seconds * gpus, jobs: 0 })
  }

  /** Before the clock is set: what has left the window must not come back with it. */
  forget(): void {
    const since = this.#now() - BUDGET.windowMs
    this.#uses = this.#uses.filter(({ at }) => at > since)
  }

  /** What the system is allowed to have forgotten: time used in the last so many ms. */
  lose(lastMs: number): void {
    const since = this.#now() - lastMs
    for (const use of this.#uses) if (use.at >= since) Object.assign(use, { cpuSeconds: 0, gpuSeconds: 0 })
  }

  /** The clock has been set. */
  wasSet(): void {
    for (const use of this.#uses) use.at = Math.min(use.at, this.#now())
  }

  /** What is overdrawn, in words. */
  overdrawn(): string[] {
    this.forget()
    return (['cpuSeconds', 'gpuSeconds', 'jobs'] as const).flatMap((resource) => {
      const used = this.#uses.reduce((sum, use) => sum + use[resource], 0)
      return used > BUDGET[resource] + ROUNDING
        ? [`${used} of ${BUDGET[resource]} ${resource} were used.`]
        : []
    })
  }
}
