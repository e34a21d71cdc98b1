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
        const tried = await tryPython(ask, { file, args: PYTHON_ARGS, env: {} }, reads, dataDir)
        if (tried.available) return onAccelerators(ask, tried)
        reason = tried.reason ?? reason
      }
      return without(reason)
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

/** Within a sandbox, where that works; else as it is. Its torch, which takes seconds to load, is looked for before. */
async function tryPython(
  ask: AskWorker,
  python: Program,
  reads: readonly string[],
  dataDir: string | undefined,
): Promise<RuntimeProbe> {
  const bubblewrap = findBubblewrap()
  if (!bubblewrap) return tryPlain(ask, python, 'bubblewrap is not installed.')
  const found = await ask('find', () => python)
  if (!found.available) return without(found.reason ?? 'It has no torch.')
  const readable = [...reads, ...withoutPrivate(found.readsFrom ?? [], dataDir)]
  const program = (start: WorkerStart) =>
    inBubblewrap(bubblewrap, python, readable, start, deviceFiles(start.options))
  const tryInside = async (): Promise<RuntimeProbe> => {
    const answer = await ask('cpu', program)
    return { ...answer, options: 'cpu', program, isolation: 'bubblewrap' }
  }
  const first = await tryInside()
  if (first.available) return first
  const plain = await tryPlain(ask, python, first.reason ?? 'bubblewrap does not work here.')
  if (!plain.available) return plain
  // The first may have been too slow from a cold disk: what can be confined is not run without.
  const second = await tryInside()
  return second.available ? second : plain
}

async function tryPlain(ask: AskWorker, python: Program, whyPlain: string): Promise<RuntimeProbe> {
  const answer = await ask('cpu', () => python)
  if (!answer.available) return without(answer.reason ?? 'It does not say why.')
  const reason = `It runs without a sandbox: ${whyPlain}`
  return { ...answer, reason, options: 'cpu', program: () => python, isolation: 'process' }
}

/** The same, with what of its torch works beside the CPU. */
async function onAccelerators(ask: AskWorker, probe: RuntimeProbe): Promise<RuntimeProbe> {
  const askFor = (name: string) => ask(name, probe.program)
  return { ...probe, ...(await tryAccelerators('PyTorch', PYTORCH_DEVICES, probe.offers ?? [], askFor)) }
}

function without(reason: string): RuntimeProbe {
  const answer = { available: false, version: '', backend: '', reason }
  return { ...answer, options: '', program: null, isolation: 'process' }
}
