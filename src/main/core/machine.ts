import type { Device } from '../../shared/contract'
import type { Clock } from '../platform/clock'
import type { Logger } from '../platform/logger'
import { type Confinement, readConfinement } from './detect/cgroup'
import { detectDevices } from './detect/detect'
import { type GpuProcess, NVIDIA_QUERY, parseNvidiaProcesses, runsOn } from './detect/nvidia'
import { runTool } from './detect/run-tool'
import { foreignHolders } from './foreign/holders'
import { createOwnProcesses, createProcessReader } from './foreign/processes'
import type { GpuProgram, GpuUse, Host, HostReading, Reading } from './host'
import { readAmdGpu } from './read-amd'
import { createHostReader } from './read-host'
import { createNvidiaWatch } from './watch-nvidia'

/** This machine. */
export function createMachine(deps: { clock: Clock; logger: Logger }): Host {
  const nvidia = createNvidiaWatch(deps)
  const host = createHostReader(deps.clock)
  const processes = createProcessReader(() => deps.clock.now())
  const ours = createOwnProcesses(process.pid, () => deps.clock.now())
  let confinement: Promise<Confinement> | null = null
  const limits = () => {
    confinement ??= process.platform === 'linux' ? readConfinement() : Promise.resolve(none)
    return confinement
  }

  return {
    async detect() {
      confinement = null
      return detectDevices(await limits(), deps.logger)
    },
    async read(devices): Promise<HostReading> {
      const detected = devices.filter(({ origin, health }) => origin === 'detected' && health !== 'missing')
      nvidia.watch(detected.some(({ foundBy }) => foundBy.includes('nvidia-smi')))
      const [reading, childrenMemoryBytes, ...gpus] = await Promise.all([
        host.read(await limits()),
        host.readChildrenMemory(),
        ...detected.filter(({ kind }) => kind === 'gpu').map(readGpu),
      ])
      const readings: Reading[] = gpus.filter((gpu): gpu is Reading => gpu !== null)
      if (detected.some(({ id }) => id === 'cpu0')) readings.unshift({ device: 'cpu0', ...reading })
      return { readings, childrenMemoryBytes, ownCores: host.ownCores() }
    },
    async readPrograms(devices) {
      const watched = devices.some(isNvidia)
      const [all, answer] = await Promise.all([
        processes.read(),
        watched ? runTool('nvidia-smi', NVIDIA_QUERY) : null,
      ])
      const seen = answer?.state === 'answered' ? parseNvidiaProcesses(answer.stdout) : null
      const own = ours.among(all)
      const loads = new Map(devices.flatMap(loadsOn))
      const takenOn = (device: Device): [string, GpuUse][] =>
        isNvidia(device) ? [[device.id, takenOutside(device, seen ?? [], loads, own)]] : []
      return {
        holders: foreignHolders(all, seen ?? [], devices, own, loads),
        onGpus: seen && devices.flatMap((device) => programsOn(device, seen)),
        gpusOutside: watched && !seen ? null : new Map(devices.flatMap(takenOn)),
      }
    },
    dispose() {
      nvidia.watch(false)
    },
  }

  /** By device, then by process. */
  function loadsOn({ id, properties }: Device): [string, ReadonlyMap<number, number>][] {
    const address = properties['pciAddress']
    if (typeof address !== 'string' || properties['migInstance'] !== undefined) return []
    const loads = nvidia.loads(address)
    return loads ? [[id, loads]] : []
  }

  async function readGpu(device: Device): Promise<Reading | null> {
    const address = device.properties['pciAddress']
    // What runs in one part of a GPU cannot be told from the whole.
    if (typeof address !== 'string' || device.properties['migInstance'] !== undefined) return null
    const row = nvidia.row(address)
    if (row) {
      const { index: _index, address: _address, ...values } = row
      return { device: device.id, ...values }
    }
    const values = device.properties['driver'] === 'amdgpu' ? await readAmdGpu(address) : null
    return values && { device: device.id, ...values }
  }
}

/** Its driver tells of it. */
function isNvidia({ foundBy, health }: Device): boolean {
  return foundBy.includes('nvidia-smi') && health !== 'missing'
}

function takenOutside(
  device: Device,
  seen: readonly GpuProcess[],
  loads: ReadonlyMap<string, ReadonlyMap<number, number>>,
  own: ReadonlySet<number>,
): GpuUse {
  const outside = seen.filter((item) => runsOn(item, device) && !own.has(item.pid))
  const busy = loads.get(device.id)
  let load = 0
  for (const [pid, share] of busy ?? []) if (!own.has(pid)) load += share
  return {
    memoryBytes: outside.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    load: busy ? Math.min(1, load) : null,
  }
}

function programsOn(device: Device, seen: readonly GpuProcess[]): GpuProgram[] {
  const on = seen.filter((item) => runsOn(item, device))
  return on.map(({ pid, memoryBytes }) => ({ device: device.id, pid, memoryBytes }))
}

const none: Confinement = { cores: null, memoryBytes: null, memoryFolder: null }
