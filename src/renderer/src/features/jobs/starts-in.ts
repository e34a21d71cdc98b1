import type { StartEstimate } from '@shared/contract'
import type { TFunction } from 'i18next'
import { formatDuration } from '../../lib/format'

/** `in 8 s – 20 s`, or `in 10 min` where its bounds round to the same: for a column that has no room for more. */
export function startsInWords(
  { startsAt, earliest, latest }: StartEstimate,
  nowMs: number,
  t: TFunction<'jobs'>,
): string {
  const leftUntil = (at: string) => Math.max(0, Date.parse(at) - nowMs)
  const inWords = (at: string) => {
    const leftMs = leftUntil(at)
    // Nobody waits ten minutes to the second.
    const stepMs = leftMs < 120_000 ? 1_000 : 60_000
    return formatDuration(Math.round(leftMs / stepMs) * stepMs)
  }
  const starts = { time: inWords(startsAt), from: inWords(earliest), to: inWords(latest) }
  const key =
    leftUntil(latest) < 500 ? 'startsNow' : starts.from === starts.to ? 'startsInExactly' : 'startsIn'
  return t(key, starts)
}
