import type { ForeignHolder } from '../../../shared/contract'
import type { FoundDevice, GpuProgram, GpuUse, Host, HostReading } from '../host'

const GB = 1e9

/** A machine made of plain data; change it and call `rescan`, or let the next sample read it. */
export interface FakeHost extends Host {
  devices: FoundDevice[]
  failedTools: string[]
  reading: HostReading
  foreign: ForeignHolder[]
  onGpus: GpuProgram[] | null
  gpusOutside: Map<string, GpuUse>
}

export function createFakeHost(devices: FoundDevice[] = [fakeCpu(8, 16 * GB)]): FakeHost {
  return {
    devices,
    failedTools: [],
    reading: { readings: [], childrenMemoryBytes: null },
    foreign: [],
    onGpus: null,
    gpusOutside: new Map(),
    async detect() {
      return { devices: structuredClone(this.devices), failedTools: [...this.failedTools] }
    },
    async read() {
      return structuredClone(this.reading)
    },
    async readPrograms() {
      return structuredClone({
        holders: this.foreign,
        onGpus: this.onGpus,
        gpusOutside: this.gpusOutside,
      })
    },
    dispose: () => undefined,
  }
}

export function fakeCpu(cpuCores: number, memoryBytes: number): FoundDevice {
  return {
    id: 'cpu0',
    kind: 'cpu',
    name: 'Test CPU',
    vendor: 'Test',
    capacity: { cpuCores, memoryBytes },
    properties: {},
    health: 'ok',
    foundBy: 'test',
  }
}

export function fakeGpu(index: number, gpuMemoryBytes: number): FoundDevice {
  return {
    id: `gpu-${index}`,
    kind: 'gpu',
    name: `Test GPU ${index}`,
    vendor: 'Test',
    capacity: { gpu: 1, gpuMemoryBytes },
    properties: {},
    health: 'ok',
    foundBy: 'nvidia-smi -q -x',
  }
}
