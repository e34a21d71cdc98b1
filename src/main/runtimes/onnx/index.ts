import type { RuntimeAdapter } from '../adapter'
import type { Probe } from '../protocol'
import { ACCELERATORS, backendsOf, bindingFor } from './providers'

const MIB = 2 ** 20

/** ONNX models by Microsoft's ONNX Runtime: on the CPU, and on a leased accelerator where it has a way to use that. */
export const onnxRuntime: RuntimeAdapter = {
  id: 'onnx',
  name: 'ONNX Runtime',
  formats: ['onnx'],
  entry: 'onnx.cjs',
  async probe(ask) {
    const cpu = await ask('cpu')
    const common = { options: 'cpu', program: null, isolation: 'process' as const }
    if (!cpu.available) return { ...cpu, ...common }
    const offered = ACCELERATORS.filter((name) => cpu.offers?.includes(name))
    // Each in a process of its own: a driver that is broken takes the process along.
    const trials = await Promise.all(
      offered.map(async (name): Promise<[string, Probe]> => [name, await ask(name)]),
    )
    const works = new Set(trials.flatMap(([name, trial]) => (trial.available ? [name] : [])))
    return {
      ...cpu,
      ...common,
      backend: ['cpu', ...works].join(', '),
      backends: backendsOf(new Map(trials)),
      bind: (device) => bindingFor(works, device),
    }
  },
  // The worker takes some 90 MiB by itself; weights are held once, and once more in the layout the kernels like.
  estimateMemory: (version) => 90 * MIB + 2 * (version?.sizeBytes ?? 0),
}
