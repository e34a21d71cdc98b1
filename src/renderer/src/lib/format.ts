import { formatBytes, formatDuration } from '../../../shared/domain/units'

/** Whole numbers with separators, others with at most `digits` decimals. */
export function formatNumber(value: number, locale: string, digits = 2): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value)
}

/** 0 to 1 as `46%`. */
export function formatPercent(share: number): string {
  return `${Math.round(Math.max(0, Math.min(1, Number.isFinite(share) ? share : 0)) * 100)}%`
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
]

/** `3 min. ago`, `in 2 hr.`; under a minute whole seconds, under five seconds `now`. */
export function formatRelative(atMs: number, nowMs: number, locale: string): string {
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' })
  const distance = atMs - nowMs
  for (const [unit, ms] of STEPS) {
    if (Math.abs(distance) >= ms) return format.format(Math.trunc(distance / ms), unit)
  }
  const seconds = Math.abs(distance) < 5_000 ? 0 : Math.trunc(distance / 1_000)
  return format.format(seconds, 'second')
}

/** The exact time in the reader's own zone; the day has 24 hours, as on every axis. */
export function formatExact(at: string | number, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'medium',
    hourCycle: 'h23',
  }).format(new Date(at))
}

/** `19:24:07`, for what lies within a day. */
export function formatTime(at: string | number, locale: string): string {
  return new Intl.DateTimeFormat(locale, { timeStyle: 'medium', hourCycle: 'h23' }).format(new Date(at))
}

/** An amount of a resource with its unit: bytes for memory, numbers for the rest. */
export function formatAmount(resource: string, amount: number, locale: string): string {
  return resource.endsWith('Bytes') ? formatBytes(amount) : formatNumber(amount, locale)
}

export { formatBytes, formatDuration }

/** A key as a label, for facts that files and tools name in their own way: `coresPhysical` -> `Cores physical`. */
export function formatKey(key: string): string {
  const spaced = key.replace(
    /([a-z0-9])([A-Z])/g,
    (_, end: string, start: string) => `${end} ${start.toLowerCase()}`,
  )
  const words = spaced.replace(/\b(cuda|id|ir|pci|uri|url|uuid)\b/gi, (word) => word.toUpperCase())
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}
