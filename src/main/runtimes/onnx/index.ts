import { tryAccelerators } from '../accelerators'
import type { RuntimeAdapter } from '../adapter'
import { PROVIDERS } from './providers'

const MIB = 2 ** 20

/** ONNX models by Microsoft's ONNX Runtime: on the CPU, and on a leased accelerator where it has a way to use that. */
export const onnxRuntime: RuntimeAdapter = {
  id: 'onnx',
  name: 'ONNX Runtime',
  formats: ['onnx'],
  entry: 'onnx.cjs',
  async probe(ask) {
    const cpu = await ask('cpu')
    const common = { ...cpu, options: 'cpu', program: null, isolation: 'process' as const }
    if (!cpu.available) return common
    return { ...common, ...(await tryAccelerators('ONNX Runtime', PROVIDERS, cpu.offers ?? [], ask)) }
  },
  // The worker takes some 90 MiB by itself; weights are held once, and once more in the layout the kernels like.
  estimateMemory: (version) => 90 * MIB + 2 * (version?.sizeBytes ?? 0),
}
