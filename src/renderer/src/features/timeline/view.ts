/** The span of time that is shown, and whether it goes along with the time. */
export interface View {
  fromMs: number
  spanMs: number
  follows: boolean
}

export const SPAN_MS = { least: 1_000, first: 120_000, most: 86_400_000 }
/** Where now stands while the view goes along. */
const NOW_AT = 0.65

export function viewAt(nowMs: number, spanMs: number): View {
  return { fromMs: nowMs - NOW_AT * spanMs, spanMs, follows: true }
}

/** Goes along with the time, unless a person has moved it. */
export function followed(view: View, nowMs: number): View {
  return view.follows ? viewAt(nowMs, view.spanMs) : view
}

/** @param factor below 1 shows less @param at the place that stays, 0 to 1 */
export function zoomed(view: View, factor: number, at: number): View {
  const spanMs = Math.min(SPAN_MS.most, Math.max(SPAN_MS.least, view.spanMs * factor))
  return { ...view, spanMs, fromMs: view.fromMs + at * (view.spanMs - spanMs) }
}

/** @param part of the span; above 0 shows what is later */
export function panned(view: View, part: number): View {
  return { ...view, fromMs: view.fromMs + part * view.spanMs, follows: false }
}

const STEPS_MS = [
  100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000,
  3_600_000, 7_200_000, 21_600_000, 43_200_000,
]

/** The shortest round time of which no more than `most` fit into the span. */
export function roundStepMs(spanMs: number, most: number): number {
  return STEPS_MS.find((ms) => spanMs / ms <= most) ?? 86_400_000
}

/** Round times in the span, no more than fit. */
export function ticksOf({ fromMs, spanMs }: View, most: number): { stepMs: number; ticks: number[] } {
  const stepMs = roundStepMs(spanMs, most)
  const zoneMs = new Date(fromMs).getTimezoneOffset() * 60_000
  const ticks: number[] = []
  for (let at = Math.ceil((fromMs - zoneMs) / stepMs) * stepMs + zoneMs; at <= fromMs + spanMs; at += stepMs)
    ticks.push(at)
  return { stepMs, ticks }
}
