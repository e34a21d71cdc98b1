import { create } from 'zustand'
import type { Resources, TelemetrySample } from '../../../shared/contract'
import { type Client, onEachConnection } from './client'
import { systemNow } from './clock'
import { isDenied, toErrorView } from './errors'
import { restUntilAsked, waitFor } from './live'

export const TELEMETRY_WINDOW_MS = 15 * 60_000

export interface TelemetryState {
  /** The last 15 minutes of each device, oldest first. */
  samples: ReadonlyMap<string, readonly TelemetrySample[]>
  resources: Resources | null
}

/** Adds samples to the windows of their devices: in order of time, none twice, nothing older than the window. */
export function addSamples(
  windows: TelemetryState['samples'],
  incoming: readonly TelemetrySample[],
  nowMs: number,
): TelemetryState['samples'] {
  const next = new Map(windows)
  const byDevice = new Map<string, TelemetrySample[]>()
  for (const sample of incoming) {
    const list = byDevice.get(sample.device)
    if (list) list.push(sample)
    else byDevice.set(sample.device, [sample])
  }
  for (const [device, samples] of byDevice) {
    const old = next.get(device) ?? []
    const last = old.at(-1)
    const inOrder = samples.every(
      (sample, i) => sample.at > (i === 0 ? (last?.at ?? '') : (samples[i - 1]?.at ?? '')),
    )
    const merged = inOrder ? [...old, ...samples] : mergeByTime(old, samples)
    const from = new Date(nowMs - TELEMETRY_WINDOW_MS).toISOString()
    const start = merged.findIndex((sample) => sample.at >= from)
    next.set(device, start === -1 ? [] : start === 0 ? merged : merged.slice(start))
  }
  return next
}

function mergeByTime(
  old: readonly TelemetrySample[],
  samples: readonly TelemetrySample[],
): TelemetrySample[] {
  const byTime = new Map([...old, ...samples].map((sample) => [sample.at, sample]))
  return [...byTime.values()].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
}

const nothing = (): TelemetryState => ({ samples: new Map(), resources: null })

const store = create<TelemetryState>(nothing)

async function follow(client: Client, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const past = await client.core.telemetry.list({}, { signal })
      store.setState((state) => ({ samples: addSamples(state.samples, past.items, systemNow()) }))
      for await (const event of await client.core.telemetry.watch(undefined, { signal })) {
        store.setState((state) => ({
          samples: addSamples(state.samples, event.samples, systemNow()),
          resources: event.resources,
        }))
      }
    } catch (error) {
      if (isDenied(toErrorView(error))) {
        // Who may not see devices has empty charts.
        store.setState(nothing)
        await restUntilAsked(signal)
        continue
      }
    }
    await waitFor(2_000, signal)
  }
}

/** Load and memory of the last 15 minutes, and the resources as of the newest second. */
export const useTelemetry = Object.assign(store, {
  start: () => onEachConnection((client, signal) => void follow(client, signal)),
})

/** The newest sample of a device. */
export function useLatestSample(device: string | undefined): TelemetrySample | undefined {
  return useTelemetry((state) => (device === undefined ? undefined : state.samples.get(device)?.at(-1)))
}
