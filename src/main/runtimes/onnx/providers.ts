import type { RuntimeBackend } from '../../../shared/contract'
import type { Binding, LeasedDevice } from '../adapter'
import type { Probe } from '../protocol'

/** Execution providers of ONNX Runtime beside the CPU, by the names that it lists them under. */
export const ACCELERATORS = ['cuda', 'dml', 'coreml', 'webgpu'] as const
export type Accelerator = (typeof ACCELERATORS)[number]

const TITLES: Record<Accelerator, string> = {
  cuda: 'CUDA',
  dml: 'DirectML',
  coreml: 'CoreML',
  webgpu: 'WebGPU',
}

/** Where ONNX Runtime offers each. */
const OFFERED: Record<Accelerator, string> = {
  cuda: 'on Linux and Windows with x64 processors',
  dml: 'on Windows',
  coreml: 'on macOS',
  webgpu: 'on Windows, Linux and macOS',
}

/** What helps where it is offered and does not work. */
const HELP: Record<Accelerator, string> = {
  cuda: 'It needs an NVIDIA GPU with CUDA 12 and cuDNN 9, and the files that ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false brings.',
  dml: 'It needs a GPU with a driver for DirectX 12.',
  coreml: 'It needs macOS 13 or newer.',
  webgpu: 'It needs a GPU with a driver for Vulkan, Metal or DirectX 12.',
}

/** The one that computes on a leased device; null: none of those that work can be bound to it, so the CPU does. */
export function acceleratorFor(
  works: ReadonlySet<string>,
  { kind, vendor, uuid, isOnly }: LeasedDevice,
): Accelerator | null {
  const isApple = /apple/i.test(vendor)
  const fits: Record<Accelerator, boolean> = {
    cuda: kind === 'gpu' && /nvidia/i.test(vendor) && uuid !== null,
    // These take what they find: only where there is one is it sure to be the leased one.
    dml: kind === 'gpu' && isOnly,
    coreml: isApple && (kind === 'gpu' || kind === 'npu') && isOnly,
    webgpu: kind === 'gpu' && isOnly,
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

/** What works here, and why the others do not. @param tried by name: what a trial of each that is offered said */
export function backendsOf(tried: ReadonlyMap<string, Probe>): RuntimeBackend[] {
  return [
    { name: 'cpu', available: true, reason: null },
    ...ACCELERATORS.map((name) => {
      const trial = tried.get(name)
      if (trial?.available) return { name, available: true, reason: null }
      if (!trial) {
        return {
          name,
          available: false,
          reason: `ONNX Runtime offers ${TITLES[name]} ${OFFERED[name]} only.`,
        }
      }
      return { name, available: false, reason: `${HELP[name]} It says: ${lastSentence(trial.reason ?? '')}` }
    }),
  ]
}

/** What comes after the names of source files and functions. */
function lastSentence(words: string): string {
  const last =
    words
      .trim()
      .split(/ was false\. |: (?=[A-Z])/)
      .at(-1) ?? ''
  return `${last
    .replace(/\s+/g, ' ')
    .slice(0, 200)
    .replace(/[.\s]+$/, '')}.`
}
