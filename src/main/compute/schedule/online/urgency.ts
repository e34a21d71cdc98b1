/** So many paces after it became ready a job goes before all that became ready later, whatever they are. */
export const OVERDUE_PACES = 4.5
/** A job whose principal holds the whole machine counts as so many times longer, besides once. */
const FAIRNESS = 1

/**
 * What a job costs those behind it: its expected run time; less by `ratio` for each step of priority, more the more its
 * principal holds already (dominant share over weight).
 */
export function costOf(expected: number, priorityFactor: number, share: number): number {
  return expected * priorityFactor * (1 + FAIRNESS * share)
}

/** From then on it goes before all that became ready later. */
export function isOverdue(waited: number, pace: number, handicap = 0): boolean {
  return waited - handicap >= OVERDUE_PACES * pace
}

/**
 * Order in the queue, smaller first: shortest expected run first, and the longer a job has waited, measured in the
 * `pace` of the queue, the shorter it counts. This is the index rule for waiting costs that grow with the fifth power
 * of the wait (generalised c-mu: van Mieghem, Dynamic scheduling with convex delay costs, 1995). Jobs that have waited
 * {@link OVERDUE_PACES} and their `handicap` go first, those most over it before the others.
 */
export function urgencyOf(cost: number, waited: number, pace: number, handicap = 0): number {
  const squared = (waited / pace) ** 2
  return isOverdue(waited, pace, handicap) ? handicap - waited : cost / (1 + squared * squared)
}
