import { formatBytes } from '../../../shared/domain/units'
import { type Accelerator, isApple, isCudaDevice, isOnlyGpu } from '../accelerators'

const X64 = 'on Linux and Windows with x64 processors'

/** Backends of llama.cpp beside the CPU, by the names that node-llama-cpp knows them under. */
export const BACKENDS: readonly Accelerator[] = [
  {
    name: 'cuda',
    title: 'CUDA',
    offered: X64,
    help: 'It needs an NVIDIA GPU with CUDA 12 or 13, and the files that npm run llama:gpu -- cuda brings.',
    fits: isCudaDevice,
  },
  {
    name: 'metal',
    title: 'Metal',
    offered: "on macOS with Apple's processors",
    help: "It needs Apple's GPU.",
    fits: (device) => isApple(device) && isOnlyGpu(device),
  },
  {
    name: 'vulkan',
    title: 'Vulkan',
    offered: X64,
    help: 'It needs a GPU with a driver for Vulkan, and the files that npm run llama:gpu -- vulkan brings.',
    fits: isOnlyGpu,
  },
]

/** Those that node-llama-cpp is built for. */
export function offeredOn(platform: NodeJS.Platform, arch: NodeJS.Architecture): string[] {
  if (platform === 'darwin' && arch === 'arm64') return ['metal']
  return (platform === 'linux' || platform === 'win32') && arch === 'x64' ? ['cuda', 'vulkan'] : []
}

/** What holds the files of one for this machine; null: they come with node-llama-cpp. */
export function packageOf(backend: string, platform: NodeJS.Platform): string | null {
  if (backend !== 'cuda' && backend !== 'vulkan') return null
  return `@node-llama-cpp/${platform === 'win32' ? 'win' : platform}-x64-${backend}`
}

export interface GpuMemory {
  free: number
  total: number
}

/** @param what `The model`, or what else takes so much */
export function doesNotFit(what: string, takesBytes: number, { free, total }: GpuMemory): string {
  const room = `${formatBytes(free)} of its ${formatBytes(total)} are free`
  return `${what} takes ${formatBytes(takesBytes)} of the memory of the GPU, and ${room}. Wait until other programs need less of it, take a smaller model or context, or ask for no GPU.`
}
