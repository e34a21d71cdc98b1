import type { Program } from '../../platform/processes'
import { tryAccelerators } from '../accelerators'
import {
  ARCHITECTURE,
  type AskWorker,
  type RuntimeAdapter,
  type RuntimeProbe,
  type SizedVersion,
  type WorkerStart,
} from '../adapter'
import type { Probe } from '../protocol'
import { findPythons, installedPython, PYTHON_ARGS } from '../python'
import { findBubblewrap, inBubblewrap, withoutPrivate } from '../sandbox'
import { deviceFiles, PYTORCH_DEVICES } from './accelerators'

/** What Python and torch take by themselves. */
const TORCH_BYTES = 256 * 2 ** 20

/**
 * PyTorch models by a Python of this machine: TorchScript, and bare weights in the graph of a TorchScript version; on the
 * CPU, and on a leased GPU where its torch has a way to use that. The worker gets an empty environment and, where
 * bubblewrap works, no network and no files but its own.
 * @param pythonPath an absolute path that a person has set; empty: the first Python that has torch
 * @param dataDir which no sandbox shows as a whole
 */
export function pytorchRuntime(pythonPath: () => string, dataDir: string | undefined): RuntimeAdapter {
  return {
    id: 'pytorch',
    name: 'PyTorch',
    formats: ['torchscript', 'torch-state', 'safetensors'],
    entry: 'pytorch.py',
    async probe(ask) {
      const set = pythonPath()
      let reason = 'No Python was found. Install Python with PyTorch, or set its path in the settings.'
      for (const found of set === '' ? findPythons() : [set]) {
        const { file, reads } = installedPython(found, dataDir)
        const python: Program = { file, args: PYTHON_ARGS, env: {} }
        const answer = await ask('cpu', () => python)
        const libraries = withoutPrivate(answer.readsFrom ?? [], dataDir)
        if (answer.available)
          return onAccelerators(ask, await sandboxed(ask, python, [...reads, ...libraries], answer))
        reason = answer.reason ?? reason
      }
      return { ...unavailable(reason), options: '', program: null, isolation: 'process' }
    },
    estimateMemory: (version) => TORCH_BYTES + (version ? modelBytes(version) : 0),
  }
}

/** The graph and as much again: weights of their own lie beside it until they are copied in, and running needs room later. */
function modelBytes({ sizeBytes, files = [] }: SizedVersion): number {
  const graphBytes = files
    .filter(({ path }) => path.startsWith(ARCHITECTURE))
    .reduce((sum, file) => sum + file.sizeBytes, 0)
  return graphBytes === 0 ? 2 * sizeBytes : graphBytes + Math.max(graphBytes, sizeBytes)
}

/** The same Python within a sandbox, if it works there too. */
async function sandboxed(
  ask: AskWorker,
  python: Program,
  reads: readonly string[],
  answer: Probe,
): Promise<RuntimeProbe> {
  const plain = { ...answer, options: 'cpu', program: () => python, isolation: 'process' as const }
  const bubblewrap = findBubblewrap()
  if (!bubblewrap) return { ...plain, reason: 'It runs without a sandbox: bubblewrap is not installed.' }
  const program = (start: WorkerStart) =>
    inBubblewrap(bubblewrap, python, reads, start, deviceFiles(start.options))
  const inside = await ask('cpu', program)
  if (inside.available) return { ...inside, options: 'cpu', program, isolation: 'bubblewrap' }
  return {
    ...plain,
    reason: `It runs without a sandbox: ${inside.reason ?? 'bubblewrap does not work here.'}`,
  }
}

/** The same, with what of its torch works beside the CPU. */
async function onAccelerators(ask: AskWorker, probe: RuntimeProbe): Promise<RuntimeProbe> {
  const askFor = (name: string) => ask(name, probe.program)
  return { ...probe, ...(await tryAccelerators('PyTorch', PYTORCH_DEVICES, probe.offers ?? [], askFor)) }
}

function unavailable(reason: string): Probe {
  return { available: false, version: '', backend: '', reason }
}
