const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** Bytes in decimal units with three significant digits: 2327524 -> `2.33 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (Math.abs(value) >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return unit === 0 ? `${Math.round(value)} B` : `${Number(value.toPrecision(3))} ${BYTE_UNITS[unit]}`
}

/** A duration for reading: `0.4 ms`, `12 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatDuration(ms: number): string {
  // Rounded before it is taken apart: 59.96 s is a minute, not 60 s.
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(1))} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return inTwo(seconds, 'min', 's')
  return inTwo(Math.round(ms / 60_000), 'h', 'min')
}

function inTwo(parts: number, unit: string, part: string): string {
  const rest = parts % 60
  return `${Math.floor(parts / 60)} ${unit}${rest ? ` ${rest} ${part}` : ''}`
}
