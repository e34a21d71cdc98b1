import os from 'node:os'
import type { FoundDevice } from '../host'
import type { Confinement } from './cgroup'

/**
 * The host's cores and memory as one device, less what confines this process: its affinity and its control groups.
 * Never through systeminformation's `graphics()`: that one runs vendor tools synchronously.
 */
export async function detectCpu(confinement: Confinement): Promise<FoundDevice> {
  // Loaded when first needed: it is not small, and the window should not wait for it.
  const { default: systeminformation } = await import('systeminformation')
  const cpu = await systeminformation.cpu()
  const allCores = os.cpus().length || cpu.cores || 1
  const usable = Math.min(os.availableParallelism?.() ?? allCores, confinement.cores ?? allCores)
  const cpuCores = Math.max(0.01, Math.round(usable * 100) / 100)
  const memoryBytes = Math.min(os.totalmem(), confinement.memoryBytes ?? os.totalmem())
  const confined = cpuCores < allCores || memoryBytes < os.totalmem()
  const flags = new Set(cpu.flags.split(' '))
  return {
    id: 'cpu0',
    kind: 'cpu',
    name: [cpu.manufacturer, cpu.brand].filter(Boolean).join(' ') || os.cpus()[0]?.model || 'CPU',
    vendor: cpu.manufacturer || '',
    capacity: { cpuCores, memoryBytes },
    properties: {
      architecture: os.arch(),
      coresPhysical: cpu.physicalCores,
      coresLogical: allCores,
      ...(cpu.speedMax || cpu.speed ? { speedGHz: cpu.speedMax || cpu.speed } : {}),
      ...(flags.has('avx2') ? { avx2: true } : {}),
      ...(flags.has('avx512f') ? { avx512: true } : {}),
      ...(flags.has('amx_tile') ? { amx: true } : {}),
      ...(confined ? { confined: true, memoryTotalBytes: os.totalmem() } : {}),
    },
    health: 'ok',
    foundBy: confined ? 'systeminformation, limited by affinity or control group' : 'systeminformation',
  }
}
