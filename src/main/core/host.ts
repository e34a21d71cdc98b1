import type { Device, ForeignHolder } from '../../shared/contract'

/** A device as detection found it, before it is remembered. */
export type FoundDevice = Omit<Device, 'origin' | 'yieldsToOthers'>

export interface Detection {
  devices: FoundDevice[]
  /** Tools that are installed and gave no answer: what they told before still counts, but not as healthy. */
  failedTools: string[]
}

/** What one device does at one moment. */
export interface Reading {
  device: string
  /** 0 to 1 over the whole device. */
  load: number
  memoryUsedBytes: number
  memoryTotalBytes: number
  cores?: number[] | undefined
  temperatureC?: number | undefined
  powerW?: number | undefined
}

export interface HostReading {
  readings: Reading[]
  /** Memory of the processes that this one started; null where the system has no cheap way to tell. */
  childrenMemoryBytes: number | null
  /** Cores that this process itself kept busy since the reading before; absent: not known. */
  ownCores?: number
}

/** What one program takes of the memory of one GPU. */
export interface GpuProgram {
  device: string
  pid: number
  memoryBytes: number
}

/** What programs outside take of one GPU, all together. */
export interface GpuUse {
  memoryBytes: number
  /** How much they keep busy, 0 to 1; null where no tool tells. */
  load: number | null
}

/** What programs take of the devices. */
export interface ProgramReading {
  /** The programs outside that hold most of each device. */
  holders: ForeignHolder[]
  /** All programs on GPUs, ours too; null where no tool tells. */
  onGpus: GpuProgram[] | null
  /** By GPU; one of which no tool tells is not there. Null where the tool has not answered this time. */
  gpusOutside: ReadonlyMap<string, GpuUse> | null
}

/** The machine itself: the one part of core that a test replaces. */
export interface Host {
  detect(): Promise<Detection>
  /** Reads the detected devices; never blocks, never rejects for one device that cannot be read. */
  read(devices: readonly Device[]): Promise<HostReading>
  /** Never blocks. */
  readPrograms(devices: readonly Device[]): Promise<ProgramReading>
  dispose(): void
}
