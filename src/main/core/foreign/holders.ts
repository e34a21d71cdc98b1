import type { Device, ForeignHolder } from '../../../shared/contract'
import { type GpuProcess, runsOn } from '../detect/nvidia'
import type { ProcessUse } from './processes'

const MOST_OF_A_DEVICE = 5
const LEAST_BYTES = 1e6
const LEAST_CORES = 0.01
const LEAST_LOAD = 0.01
const LONGEST_NAME = 64

/**
 * The programs outside that hold most of each device.
 * @param own the processes that are ours @param gpuLoads by device and process, 0 to 1
 */
export function foreignHolders(
  processes: readonly ProcessUse[],
  onGpus: readonly GpuProcess[],
  devices: readonly Device[],
  own: ReadonlySet<number>,
  gpuLoads: ReadonlyMap<string, ReadonlyMap<number, number>> = new Map(),
): ForeignHolder[] {
  const cpu = devices.find(({ id }) => id === 'cpu0')
  const { cpuCores: cores = 1, memoryBytes: memory = 1 } = cpu?.capacity ?? {}
  const onCpu = processes
    .filter(
      ({ pid, memoryBytes, cpuCores }) =>
        !own.has(pid) && (memoryBytes >= LEAST_BYTES || cpuCores >= LEAST_CORES),
    )
    .map((item) => ({ item, part: item.memoryBytes / memory + item.cpuCores / cores }))
    .sort((a, b) => b.part - a.part)
    .slice(0, MOST_OF_A_DEVICE)
    .map(({ item: { pid, name, memoryBytes, cpuCores } }) => ({
      device: 'cpu0',
      name: plainName(name),
      pid,
      memoryBytes,
      cpuCores: Math.round(cpuCores * 100) / 100,
    }))
  const byPid = new Map(processes.map((item) => [item.pid, item]))
  const gpus = devices.flatMap((device) => {
    const { gpuMemoryBytes: whole = 1 } = device.capacity
    const loads = gpuLoads.get(device.id)
    return onGpus
      .filter((item) => runsOn(item, device) && !own.has(item.pid))
      .map((item) => ({ item, load: loads?.get(item.pid) }))
      .filter(({ item, load = 0 }) => item.memoryBytes >= LEAST_BYTES || load >= LEAST_LOAD)
      .map(({ item, load }) => ({ item, load, part: item.memoryBytes / whole + (load ?? 0) }))
      .sort((a, b) => b.part - a.part)
      .slice(0, MOST_OF_A_DEVICE)
      .map(({ item: { pid, name, memoryBytes }, load }) => ({
        device: device.id,
        name: plainName(name.split(/[/\\]/).at(-1) ?? ''),
        pid,
        memoryBytes: byPid.get(pid)?.memoryBytes ?? 0,
        gpuMemoryBytes: memoryBytes,
        ...(load !== undefined && { gpu: load }),
      }))
  })
  return cpu ? [...onCpu, ...gpus] : gpus
}

/** A name is whatever a program calls itself: nothing in it may break a line or turn the direction of writing. */
export function plainName(name: string): string {
  const plain = name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD').trim()
  return [...plain].slice(0, LONGEST_NAME).join('') || 'a program without a name'
}
