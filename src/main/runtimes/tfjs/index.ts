import type { RuntimeAdapter } from '../adapter'

const MIB = 2 ** 20

/** TensorFlow.js models by its native library where that loads, which runs SavedModels too, else by WebAssembly. */
export const tfjsRuntime: RuntimeAdapter = {
  id: 'tfjs',
  name: 'TensorFlow.js',
  formats: ['tfjs-graph', 'tfjs-layers'],
  formatsPerhaps: ['savedmodel'],
  entry: 'tfjs.cjs',
  async probe(ask) {
    const [native, wasm] = await Promise.all([ask('node'), ask('wasm')])
    const inNode = { program: null, isolation: 'process' } as const
    const backends = (reason: string | null) => [
      { name: 'native', available: native.available, reason },
      { name: 'wasm', available: wasm.available, reason: wasm.reason },
    ]
    if (native.available) {
      const formats = [...tfjsRuntime.formats, ...(tfjsRuntime.formatsPerhaps ?? [])]
      return { ...native, ...inNode, options: 'node', formats, backends: backends(null) }
    }
    if (!wasm.available) return { ...wasm, ...inNode, options: 'wasm' }
    // The library's words end in a path of its own, which helps nobody who reads them in the window.
    const why = (native.reason?.split('\n')[0] ?? 'it says nothing').replace(
      / (?:can ?not be found )?at path:.*$/,
      ' is missing.',
    )
    const reason = `The native library (@tensorflow/tfjs-node) does not load, so WebAssembly is used: ${why}`
    return { ...wasm, ...inNode, options: 'wasm', reason, backends: backends(reason) }
  },
  // The worker takes some 150 MiB by itself; weights pass through buffers on their way into the backend's heap.
  estimateMemory: (version) => 150 * MIB + 3 * (version?.sizeBytes ?? 0),
}
