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
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(1))} s`
  if (ms < 3_600_000) {
    const seconds = Math.round((ms % 60_000) / 1000)
    return `${Math.floor(ms / 60_000)} min${seconds ? ` ${seconds} s` : ''}`
  }
  const minutes = Math.round((ms % 3_600_000) / 60_000)
  return `${Math.floor(ms / 3_600_000)} h${minutes ? ` ${minutes} min` : ''}`
}
