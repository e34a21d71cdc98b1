import type { StorageTask } from '@shared/contract'
import { formatBytes } from '../../lib/format'

/** How a check or a collection ended: a key under `settings`, what it names, and whether all is well. */
export interface Outcome {
  key: 'verified' | 'damaged' | 'freed' | 'freedVersions' | 'stopped'
  values: Record<string, string | number>
  sound: boolean
}

const NAMED = 5

/** Null while the task goes on, and for one that failed: its error has the words. Pure. */
export function outcomeOf(task: StorageTask): Outcome | null {
  if (task.state === 'cancelled') return { key: 'stopped', values: {}, sound: true }
  if (task.state !== 'completed') return null
  if (task.kind === 'verify') {
    const { checked = 0, checkedBytes = 0, damaged = [], missing = [] } = task
    return damaged.length + missing.length === 0
      ? { key: 'verified', values: { count: checked, bytes: formatBytes(checkedBytes) }, sound: true }
      : { key: 'damaged', values: { damaged: damaged.length, missing: missing.length }, sound: false }
  }
  const { removed = 0, freedBytes = 0, removedVersions = [] } = task
  const values = { count: removed, bytes: formatBytes(freedBytes) }
  if (removedVersions.length === 0) return { key: 'freed', values, sound: true }
  const more = removedVersions.length - NAMED
  const versions = removedVersions.slice(0, NAMED).join(', ') + (more > 0 ? ` +${more}` : '')
  return { key: 'freedVersions', values: { ...values, versions }, sound: true }
}
