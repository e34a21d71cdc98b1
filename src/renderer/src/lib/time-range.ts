import { create } from 'zustand'
import { readSetting, writeSetting } from './local-settings'

export const TIME_RANGES = {
  '15m': { ms: 15 * 60_000, stepMs: 5_000 },
  '1h': { ms: 3_600_000, stepMs: 20_000 },
  '24h': { ms: 86_400_000, stepMs: 480_000 },
} as const
export type TimeRangeName = keyof typeof TIME_RANGES

function isRange(value: string | null): value is TimeRangeName {
  return value !== null && Object.hasOwn(TIME_RANGES, value)
}
const stored = readSetting('time-range')

/** The same time range on every page. */
export const useTimeRange = create<{ range: TimeRangeName; choose(range: TimeRangeName): void }>((set) => ({
  range: isRange(stored) ? stored : '15m',
  choose(range) {
    writeSetting('time-range', range)
    set({ range })
  },
}))
