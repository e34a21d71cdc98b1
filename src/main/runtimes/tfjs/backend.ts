import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import util from 'node:util'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import type { SavedModels } from './saved-model'

/** `node`: the native library of `@tensorflow/tfjs-node`. `wasm`: WebAssembly, which runs everywhere. */
export type TfjsBackend = 'node' | 'wasm'

/** Makes a backend the one that runs. @throws when it does not work here */
export async function startBackend(backend: TfjsBackend): Promise<void> {
  if (backend === 'node') {
    nativeLibrary()
    await choose('tensorflow')
  } else {
    const entry = requireOwn().resolve('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(dirname(entry) + sep)
    await choose('wasm')
  }
}

/** What only the native library can do. @throws when it does not load */
export function nativeLibrary(): SavedModels {
  restoreRemovedUtilities()
  const { node }: { node: SavedModels } = requireOwn()('@tensorflow/tfjs-node')
  return node
}

/** The worker's own file stands where `node_modules` is found from, in a checkout and in a package alike. */
const requireOwn = () => createRequire(process.argv[1] ?? __filename)

async function choose(name: string): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Error(`TensorFlow.js cannot start its ${name} backend.`)
  await tf.ready()
}

/** What runs, in words: `cpu (wasm, simd)`. */
export async function describeBackend(): Promise<string> {
  if (tf.getBackend() !== 'wasm') return 'cpu (native)'
  return (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) ? 'cpu (wasm, simd)' : 'cpu (wasm)'
}

/** tfjs-node 4.22 calls functions that Node 23 removed: https://github.com/tensorflow/tfjs/issues/8425 */
function restoreRemovedUtilities(): void {
  const removed = {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: (value: unknown) => Array.isArray(value),
  }
  for (const [name, replacement] of Object.entries(removed)) {
    if (!(name in util)) Object.defineProperty(util, name, { value: replacement, configurable: true })
  }
}
