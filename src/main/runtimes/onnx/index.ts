import type { RuntimeAdapter } from '../adapter'

const MIB = 2 ** 20

/** ONNX models by Microsoft's ONNX Runtime, on the CPU. */
export const onnxRuntime: RuntimeAdapter = {
  id: 'onnx',
  name: 'ONNX Runtime',
  formats: ['onnx'],
  entry: 'onnx.cjs',
  async probe(ask) {
    return { ...(await ask('')), options: '', program: null, isolation: 'process' }
  },
  // The worker takes some 90 MiB by itself; weights are held once, and once more in the layout the kernels like.
  estimateMemory: (version) => 90 * MIB + 2 * (version?.sizeBytes ?? 0),
}
