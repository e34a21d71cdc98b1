import { type Accelerator, isApple, isCudaDevice, isOnlyGpu } from '../accelerators'
import type { LeasedDevice } from '../adapter'

/** Execution providers of ONNX Runtime beside the CPU, by the names that it lists them under. */
export const PROVIDERS: readonly Accelerator[] = [
  {
    name: 'cuda',
    title: 'CUDA',
    offered: 'on Linux and Windows with x64 processors',
    help: 'It needs an NVIDIA GPU with CUDA 12 and cuDNN 9, and the files that ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false brings.',
    fits: isCudaDevice,
  },
  {
    name: 'dml',
    title: 'DirectML',
    offered: 'on Windows',
    help: 'It needs a GPU with a driver for DirectX 12.',
    fits: isOnlyGpu,
  },
  {
    name: 'coreml',
    title: 'CoreML',
    offered: 'on macOS',
    help: 'It needs macOS 13 or newer.',
    fits: (device) => isApple(device) && (isOnlyGpu(device) || isOnlyNpu(device)),
  },
  {
    name: 'webgpu',
    title: 'WebGPU',
    offered: 'on Windows, Linux and macOS',
    help: 'It needs a GPU with a driver for Vulkan, Metal or DirectX 12.',
    fits: isOnlyGpu,
  },
]

function isOnlyNpu({ kind, isOnly }: LeasedDevice): boolean {
  return kind === 'npu' && isOnly
}
