import type { ResourceVector } from '../../../shared/domain/resources'
import type { FreeDevice } from '../../core'

/** What an engine of a version takes, and how long it takes to read. */
export interface EngineSize {
  memoryBytes: number
  /** What it may have to do with: no less is ever leased for it. */
  leastBytes: number
  fileBytes: number
}

/**
 * What to lease for an engine beside what its job needs. Where no host could ever give what was measured it ran all the same,
 * on memory that was not leased: then it gets what the largest gives beside programs outside, or it would wait for ever.
 */
export function engineMemory(
  { memoryBytes, leastBytes }: EngineSize,
  need: ResourceVector,
  devices: () => readonly FreeDevice[],
): number {
  if (memoryBytes <= leastBytes) return memoryBytes
  const hosts = devices().filter(({ kind, healthy }) => kind === 'cpu' && healthy)
  const most = (bytesOf: (host: FreeDevice) => number) =>
    Math.max(0, ...hosts.map(bytesOf)) - (need.memoryBytes ?? 0)
  if (memoryBytes <= most(({ capacity }) => capacity.memoryBytes ?? 0)) return memoryBytes
  const left = most(({ capacity, outside }) => (capacity.memoryBytes ?? 0) - (outside?.memoryBytes ?? 0))
  return Math.min(memoryBytes, Math.max(leastBytes, left))
}
