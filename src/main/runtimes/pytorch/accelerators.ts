import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Accelerator, isApple, isCudaDevice, isOnlyGpu } from '../accelerators'

const BUILDS = 'in builds for it (https://pytorch.org/get-started/locally)'

/** What PyTorch can be built for beside the CPU, by the names that its worker knows. */
export const PYTORCH_DEVICES: readonly Accelerator[] = [
  {
    name: 'cuda',
    title: 'CUDA',
    offered: `${BUILDS} on Linux and Windows`,
    help: 'It needs an NVIDIA GPU and a driver that is as new as its CUDA.',
    fits: isCudaDevice,
  },
  {
    name: 'rocm',
    title: 'ROCm',
    offered: `${BUILDS} on Linux`,
    help: 'It needs an AMD GPU with a driver for ROCm.',
    fits: ({ kind, vendor, uuid }) => kind === 'gpu' && /amd/i.test(vendor) && uuid !== null,
  },
  {
    name: 'mps',
    title: 'Metal',
    offered: 'on macOS',
    help: "It needs macOS 14 or newer on one of Apple's processors.",
    fits: (device) => isApple(device) && isOnlyGpu(device),
  },
]

/** Through which files a program in a sandbox reaches the GPUs; one that computes on the CPU is shown none. */
export function deviceFiles(device: string, folder = '/dev'): string[] {
  if (device === 'rocm') return [join(folder, 'kfd'), join(folder, 'dri')]
  if (device !== 'cuda') return []
  return readdirSync(folder)
    .filter((name) => name.startsWith('nvidia'))
    .map((name) => join(folder, name))
}
