import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RuntimeBackend } from '../../../shared/contract'
import type { Binding, LeasedDevice } from '../adapter'
import type { Probe } from '../protocol'

/** What PyTorch can be built for beside the CPU, by the names that its worker knows. */
export const ACCELERATORS = ['cuda', 'rocm', 'mps'] as const
export type Accelerator = (typeof ACCELERATORS)[number]

const TITLES: Record<Accelerator, string> = {
  cuda: 'CUDA',
  rocm: 'ROCm',
  mps: 'Metal',
}

/** What it is missing where it is built for it and does not work. */
const HELP: Record<Accelerator, string> = {
  cuda: 'It needs an NVIDIA GPU and a driver that is as new as its CUDA.',
  rocm: 'It needs an AMD GPU with a driver for ROCm.',
  mps: "It needs macOS 14 or newer on one of Apple's processors.",
}

/** The one that computes on a leased device; null: none of those that work can be bound to it, so the CPU does. */
export function acceleratorFor(
  works: ReadonlySet<string>,
  { kind, vendor, uuid, isOnly }: LeasedDevice,
): Accelerator | null {
  if (kind !== 'gpu') return null
  const fits: Record<Accelerator, boolean> = {
    cuda: /nvidia/i.test(vendor) && uuid !== null,
    rocm: /amd/i.test(vendor) && uuid !== null,
    // It takes what it finds: only where there is one is it sure to be the leased one.
    mps: /apple/i.test(vendor) && isOnly,
  }
  return ACCELERATORS.find((name) => fits[name] && works.has(name)) ?? null
}

/** How a worker is told. */
export function bindingFor(works: ReadonlySet<string>, device: LeasedDevice | null): Binding {
  const accelerator = device && acceleratorFor(works, device)
  return {
    backend: accelerator ?? 'cpu',
    usesDevice: accelerator !== null,
    options: accelerator ?? 'cpu',
  }
}

/** What works here, and why the others do not. @param tried by name: what a trial of each that it is built for said */
export function backendsOf(tried: ReadonlyMap<string, Probe>): RuntimeBackend[] {
  return [
    { name: 'cpu', available: true, reason: null },
    ...ACCELERATORS.map((name) => {
      const trial = tried.get(name)
      if (trial?.available) return { name, available: true, reason: null }
      const reason = trial
        ? `${HELP[name]} It says: ${trial.reason ?? 'nothing.'}`
        : `This PyTorch is not built for ${TITLES[name]}; https://pytorch.org/get-started/locally names one that is.`
      return { name, available: false, reason }
    }),
  ]
}

/** Through which files a program in a sandbox reaches the GPUs; one that computes on the CPU is shown none. */
export function deviceFiles(options: string, folder = '/dev'): string[] {
  if (options === 'rocm') return [join(folder, 'kfd'), join(folder, 'dri')]
  if (options !== 'cuda') return []
  return readdirSync(folder)
    .filter((name) => name.startsWith('nvidia'))
    .map((name) => join(folder, name))
}
