import type { Device, ForeignHolder } from '../../../shared/contract'
import { type GpuProcess, runsOn } from '../detect/nvidia'
import { type ProcessUse, treeOf } from './processes'

const MOST_OF_A_DEVICE = 5
const LEAST_BYTES = 1e6
const LEAST_CORES = 0.01
const LONGEST_NAME = 64

/** The programs outside that hold most of each device. @param self all below this process is ours */
export function foreignHolders(
  processes: readonly ProcessUse[],
  onGpus: readonly GpuProcess[],
  devices: readonly Device[],
  self: number,
): ForeignHolder[] {
  const own = treeOf(self, processes)
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
    const holders = onGpus.filter((item) => runsOn(item, device) && !own.has(item.pid))
    return holders
      .sort((a, b) => b.memoryBytes - a.memoryBytes)
      .slice(0, MOST_OF_A_DEVICE)
      .map(({ pid, name, memoryBytes }) => ({
        device: device.id,
        name: plainName(name.split(/[/\\]/).at(-1) ?? ''),
        pid,
        memoryBytes: byPid.get(pid)?.memoryBytes ?? 0,
        gpuMemoryBytes: memoryBytes,
      }))
  })
  return cpu ? [...onCpu, ...gpus] : gpus
}

/** A name is whatever a program calls itself: nothing in it may break a line or turn the direction of writing. */
export function plainName(name: string): string {
  const plain = name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD').trim()
  return [...plain].slice(0, LONGEST_NAME).join('') || 'a program without a name'
}
