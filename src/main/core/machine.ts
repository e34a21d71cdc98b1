import type { Device } from '../../shared/contract'
import { isToldByKernel } from '../../shared/domain/yielding'
import type { Clock } from '../platform/clock'
import type { Logger } from '../platform/logger'
import { type Confinement, readConfinement } from './detect/cgroup'
import { detectDevices } from './detect/detect'
import { type GpuProcess, NVIDIA_QUERY, parseNvidiaProcesses, runsOn } from './detect/nvidia'
import { runTool } from './detect/run-tool'
import { gpuUseOutside } from './foreign/gpu-use'
import { foreignHolders } from './foreign/holders'
import { createOwnProcesses, createProcessReader } from './foreign/processes'
import type { GpuProgram, GpuUse, Host, HostReading, Reading } from './host'
import { readAmdGpu } from './read-amd'
import { createHostReader } from './read-host'
import { createDrmWatch, type DrmReading } from './watch-drm'
import { createNvidiaWatch } from './watch-nvidia'

/** This machine. */
export function createMachine(deps: { clock: Clock; logger: Logger }): Host {
  const nvidia = createNvidiaWatch(deps)
  const drm = createDrmWatch(() => deps.clock.now())
  const host = createHostReader(deps.clock)
  const processes = createProcessReader(() => deps.clock.now())
  const ours = createOwnProcesses(process.pid, () => deps.clock.now())
  let confinement: Promise<Confinement> | null = null
  /** Of the GPUs, the last. */
  let gpuReadings: readonly Reading[] = []
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
      gpuReadings = gpus.filter((gpu): gpu is Reading => gpu !== null)
      const readings = [...gpuReadings]
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
      const told = devices.some(isOfKernel) ? await drm.read(all, own) : null
      const programs = [...(seen ?? []), ...(told?.programs ?? [])]
      const loads = new Map(devices.flatMap((device) => loadsOn(device, programs, told)))
      const takenOn = (device: Device): [string, GpuUse][] => {
        const busy = loads.get(device.id) ?? null
        if (isNvidia(device)) return [[device.id, gpuUseOutside(device, programs, busy, own)]]
        if (!told || !isOfKernel(device)) return []
        const reading = gpuReadings.find((one) => one.device === device.id)
        return [[device.id, gpuUseOutside(device, programs, busy, own, reading)]]
      }
      return {
        holders: foreignHolders(all, programs, devices, own, loads),
        onGpus: seen || told ? devices.flatMap((device) => programsOn(device, programs)) : null,
        gpusOutside: watched && !seen ? null : new Map(devices.flatMap(takenOn)),
      }
    },
    dispose() {
      nvidia.watch(false)
    },
  }

  /** By device, then by process. */
  function loadsOn(
    device: Device,
    programs: readonly GpuProcess[],
    told: DrmReading | null,
  ): [string, ReadonlyMap<number, number>][] {
    const { id, properties } = device
    const address = properties['pciAddress']
    if (typeof address !== 'string' || properties['migInstance'] !== undefined) return []
    if (isOfKernel(device)) return told ? [[id, told.loads.get(address) ?? new Map()]] : []
    const loads = nvidia.loads(address)
    if (!loads) return []
    // A program that did not compute in the last seconds is told of by none of them.
    const idle = programs.filter((item) => runsOn(item, device)).map(({ pid }) => [pid, 0] as const)
    return [[id, new Map([...idle, ...loads])]]
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

/** Its driver tells in `/proc` what programs do on it. */
function isOfKernel(device: Device): boolean {
  return device.origin === 'detected' && device.health !== 'missing' && isToldByKernel(device)
}

function programsOn(device: Device, seen: readonly GpuProcess[]): GpuProgram[] {
  const on = seen.filter((item) => runsOn(item, device))
  return on.map(({ pid, memoryBytes }) => ({ device: device.id, pid, memoryBytes }))
}

const none: Confinement = { cores: null, memoryBytes: null, memoryFolder: null }
