import type { Device } from '../../../shared/contract'
import { type GpuProcess, runsOn } from '../detect/nvidia'
import type { GpuUse, Reading } from '../host'

/**
 * What programs outside take of a GPU, all together: never more than the GPU itself says of all. What several of them
 * share is counted for each, and work that waits for its turn may be counted as work.
 * @param loads by process, 0 to 1; null where nobody tells @param own the processes that are ours
 * @param reading what the GPU says, where it is to be asked
 */
export function gpuUseOutside(
  device: Device,
  programs: readonly GpuProcess[],
  loads: ReadonlyMap<number, number> | null,
  own: ReadonlySet<number>,
  reading?: Pick<Reading, 'load' | 'memoryUsedBytes'>,
): GpuUse {
  const outside = programs.filter((item) => runsOn(item, device) && !own.has(item.pid))
  const memoryBytes = outside.reduce((sum, item) => sum + item.memoryBytes, 0)
  let load = 0
  for (const [pid, share] of loads ?? []) if (!own.has(pid)) load += share
  return {
    memoryBytes: Math.min(memoryBytes, reading?.memoryUsedBytes ?? device.capacity.gpuMemoryBytes ?? 0),
    load: loads && Math.min(1, load, reading?.load ?? 1),
  }
}
