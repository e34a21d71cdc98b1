import { useEffect, useState } from 'react'
import type { TelemetrySample } from '../../../shared/contract'
import { getClient, useConnection } from './client'
import { systemNow } from './clock'
import { toErrorView } from './errors'
import { useTelemetry } from './telemetry'
import { TIME_RANGES, type TimeRangeName } from './time-range'

/** The mean of the samples of one step; null where there are none. */
export interface LoadPoint {
  atMs: number
  load: number | null
  memoryUsedBytes: number | null
}

export interface LoadSeries {
  fromMs: number
  toMs: number
  devices: ReadonlyMap<string, readonly LoadPoint[]>
}

/** Means over steps that lie at multiples of `stepMs`, so that a chart that moves on does not tremble. */
export function bucketize(
  samples: Iterable<TelemetrySample>,
  fromMs: number,
  toMs: number,
  stepMs: number,
): LoadPoint[] {
  const first = Math.floor(fromMs / stepMs)
  const length = Math.max(0, Math.floor(toMs / stepMs) - first + 1)
  const sums = Array.from({ length }, () => ({ count: 0, load: 0, memory: 0 }))
  for (const sample of samples) {
    const sum = sums[Math.floor(Date.parse(sample.at) / stepMs) - first]
    if (!sum) continue
    sum.count++
    sum.load += sample.load
    sum.memory += sample.memoryUsedBytes
  }
  return sums.map(({ count, load, memory }, i) => ({
    atMs: (first + i) * stepMs,
    load: count > 0 ? load / count : null,
    memoryUsedBytes: count > 0 ? memory / count : null,
  }))
}

function seriesOf(
  samples: ReadonlyMap<string, readonly TelemetrySample[]>,
  range: TimeRangeName,
  nowMs: number,
): LoadSeries {
  const { ms, stepMs } = TIME_RANGES[range]
  // The step under way has few samples; it is shown when it is whole.
  const toMs = Math.floor(nowMs / stepMs) * stepMs - stepMs
  const fromMs = toMs - ms
  const devices = new Map(
    [...samples].map(([device, list]) => [device, bucketize(list, fromMs, toMs, stepMs)]),
  )
  return { fromMs, toMs, devices }
}

async function ask(range: TimeRangeName, signal: AbortSignal): Promise<LoadSeries> {
  const { ms, stepMs } = TIME_RANGES[range]
  const nowMs = systemNow()
  const { items } = await getClient().core.telemetry.list(
    { fromMs: nowMs - ms - 2 * stepMs, stepMs },
    { signal },
  )
  const byDevice = new Map<string, TelemetrySample[]>()
  for (const sample of items) byDevice.set(sample.device, [...(byDevice.get(sample.device) ?? []), sample])
  return seriesOf(byDevice, range, nowMs)
}

/** Load and memory of every device over a range: the newest quarter hour from the live samples, longer ones asked for. */
export function useLoadSeries(range: TimeRangeName): LoadSeries | null {
  const [series, setSeries] = useState<LoadSeries | null>(null)
  const epoch = useConnection((state) => state.epoch)
  const filled = useTelemetry((state) => state.samples.size > 0)
  useEffect(() => {
    const controller = new AbortController()
    const renew = () => {
      if (document.hidden) return
      if (range === '15m') return setSeries(seriesOf(useTelemetry.getState().samples, range, systemNow()))
      ask(range, controller.signal)
        .then((next) => !controller.signal.aborted && setSeries(next))
        .catch((error: unknown) => {
          // A chart without new data stays as it is; the banner and the status bar say what is wrong.
          if (toErrorView(error).code === 'security.denied') setSeries(null)
        })
    }
    if (epoch > 0 && filled) renew()
    const timer = setInterval(renew, range === '15m' ? TIME_RANGES[range].stepMs : 20_000)
    document.addEventListener('visibilitychange', renew)
    return () => {
      controller.abort()
      clearInterval(timer)
      document.removeEventListener('visibilitychange', renew)
    }
  }, [range, epoch, filled])
  return series
}
