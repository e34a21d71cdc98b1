/**
 * Weighted dominant-resource fairness (Ghodsi, Zaharia, Hindman, Konwinski, Shenker, Stoica, NSDI 2011). The dominant
 * share of a user is the greatest part of any resource that it holds; who has the least for its weight is next.
 */
export interface Claimant {
  weight: number
  /** What one task takes, by resource. */
  demand: readonly number[]
  /** Tasks at the most. */
  max?: number | undefined
}

const ROUNDING = 1e-9

/** The greatest part that `amounts` are of `capacity`; infinite where there is none of what is asked for. */
export function dominantShare(amounts: ArrayLike<number>, capacity: ArrayLike<number>): number {
  let share = 0
  for (let k = 0; k < amounts.length; k++) {
    const amount = amounts[k] as number
    if (amount > 0) share = Math.max(share, amount / (capacity[k] as number))
  }
  return share
}

/** Whole tasks by user: one at a time to the least share for its weight whose next task fits, the first of equals. */
export function shareWhole(capacity: readonly number[], users: readonly Claimant[]): number[] {
  const left = [...capacity]
  const tasks = users.map(() => 0)
  const perTask = users.map(({ demand, weight }) => dominantShare(demand, capacity) / weight)
  for (;;) {
    let next = -1
    users.forEach(({ demand, max }, user) => {
      const count = tasks[user] as number
      const fits = demand.every(
        (amount, k) => amount <= (left[k] as number) + ROUNDING * (capacity[k] as number),
      )
      // One that asks for nothing would get tasks without end.
      if (count >= (max ?? Number.POSITIVE_INFINITY) || !fits || perTask[user] === 0) return
      if (next < 0 || count * (perTask[user] as number) < (tasks[next] as number) * (perTask[next] as number))
        next = user
    })
    const chosen = users[next]
    if (!chosen) return tasks
    tasks[next] = (tasks[next] as number) + 1
    chosen.demand.forEach((amount, k) => {
      left[k] = (left[k] as number) - amount
    })
  }
}

/**
 * Fractions of tasks by user, by progressive filling: the shares for their weights grow alike; a user stops at its
 * `max`, and when a resource that it needs is full.
 */
export function shareDivisible(capacity: readonly number[], users: readonly Claimant[]): number[] {
  const left = [...capacity]
  const tasks = users.map(() => 0)
  /** Tasks for each unit of share over weight. */
  const rates = users.map(({ demand, weight }) => weight / dominantShare(demand, capacity))
  let growing = users.flatMap((_, user) =>
    Number.isFinite(rates[user]) && (rates[user] as number) > 0 ? [user] : [],
  )
  while (growing.length > 0) {
    const flow = capacity.map((_, k) =>
      growing.reduce((sum, user) => sum + (users[user]?.demand[k] ?? 0) * (rates[user] as number), 0),
    )
    let step = Number.POSITIVE_INFINITY
    flow.forEach((rate, k) => {
      if (rate > 0) step = Math.min(step, Math.max(0, left[k] as number) / rate)
    })
    for (const user of growing) {
      const rest = (users[user]?.max ?? Number.POSITIVE_INFINITY) - (tasks[user] as number)
      step = Math.min(step, Math.max(0, rest) / (rates[user] as number))
    }
    for (const user of growing) tasks[user] = (tasks[user] as number) + step * (rates[user] as number)
    flow.forEach((rate, k) => {
      left[k] = (left[k] as number) - step * rate
    })
    const isFull = capacity.map((amount, k) => (left[k] as number) <= ROUNDING * amount)
    growing = growing.filter((user) => {
      const { demand, max = Number.POSITIVE_INFINITY } = users[user] as Claimant
      return (
        (tasks[user] as number) < max * (1 - ROUNDING) && !demand.some((amount, k) => amount > 0 && isFull[k])
      )
    })
  }
  return tasks
}

/** What each user holds, and its dominant share for its weight. */
export class Holdings {
  readonly #totals: Float64Array
  readonly #held: Float64Array
  readonly #weights: ArrayLike<number> | null

  constructor(users: number, totals: Float64Array, weights: ArrayLike<number> | null = null) {
    this.#totals = totals
    this.#held = new Float64Array(users * totals.length)
    this.#weights = weights
  }

  /** @param count negative to give back */
  add(user: number, need: Float64Array, from: number, count: number): void {
    const kinds = this.#totals.length
    for (let k = 0; k < kinds; k++) {
      const i = user * kinds + k
      this.#held[i] = (this.#held[i] as number) + count * (need[from + k] as number)
    }
  }

  shareOf(user: number): number {
    const kinds = this.#totals.length
    const held = this.#held.subarray(user * kinds, (user + 1) * kinds)
    return dominantShare(held, this.#totals) / (this.#weights?.[user] ?? 1)
  }
}
