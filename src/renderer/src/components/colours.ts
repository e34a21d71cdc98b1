import type { DeviceKind } from '../../../shared/contract'

/** Everything a dot can say, with the colour that means it. */
export const STATE_COLOURS = {
  running: 'var(--app-running)',
  loading: 'var(--app-running)',
  busy: 'var(--app-running)',
  waiting: 'var(--app-waiting)',
  degraded: 'var(--app-waiting)',
  warn: 'var(--app-waiting)',
  queued: 'var(--app-queued)',
  held: 'var(--app-queued)',
  idle: 'var(--app-queued)',
  cancelled: 'var(--app-queued)',
  released: 'var(--app-queued)',
  expired: 'var(--app-queued)',
  off: 'var(--app-queued)',
  info: 'var(--app-queued)',
  missing: 'var(--app-failed)',
  succeeded: 'var(--app-succeeded)',
  completed: 'var(--app-succeeded)',
  granted: 'var(--app-succeeded)',
  ok: 'var(--app-succeeded)',
  on: 'var(--app-succeeded)',
  allow: 'var(--app-succeeded)',
  accept: 'var(--app-succeeded)',
  failed: 'var(--app-failed)',
  rejected: 'var(--app-failed)',
  reject: 'var(--app-failed)',
  deny: 'var(--app-failed)',
  preempted: 'var(--app-preempted)',
} as const
export type StateName = keyof typeof STATE_COLOURS

export const DEVICE_COLOURS: Record<DeviceKind | 'memory', string> = {
  cpu: 'var(--app-cpu)',
  gpu: 'var(--app-gpu)',
  npu: 'var(--app-npu)',
  fpga: 'var(--app-fpga)',
  memory: 'var(--app-memory)',
}

/** The fill of a bar: its colour at 22%. Its 3 px edge has the colour itself. */
export function tint(colour: string, percent = 22): string {
  return `color-mix(in srgb, ${colour} ${percent}%, transparent)`
}
