import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Program } from '../../platform/processes'
import type { AskWorker, RuntimeAdapter, RuntimeProbe, WorkerStart } from '../adapter'
import { findPythons, installedPython, PYTHON_ARGS } from '../python'
import { inBubblewrap, type Sandbox, withoutPrivate } from '../sandbox'
import type { Manifest } from './manifest'

export interface PluginPlace {
  folder: string
  /** Of its files. */
  digest: string
  sandbox: Sandbox
  /** Which no sandbox shows as a whole. */
  dataDir: string
  /** An absolute path that a person has set; empty: the first Python that runs it. */
  pythonPath(): string
  /** @throws AppError `compute.no_runtime` when its files are others than those that were allowed */
  assertUnchanged(): Promise<void>
}

/** What runs a worker, and the files and folders that it is made of. */
interface Interpreter {
  program: Program
  parts: string[]
}

/** A third party's runtime as one like any other: in a sandbox where there is one, with an empty environment always. */
export function pluginRuntime(manifest: Manifest, place: PluginPlace): RuntimeAdapter {
  const { id, name, formats, options, memory } = manifest
  return {
    id,
    name,
    formats,
    plugin: id,
    pluginDigest: place.digest,
    entry: join(place.folder, manifest.entry),
    assertUnchanged: () => place.assertUnchanged(),
    async probe(ask) {
      const { sandbox } = place
      const isolation = sandbox.file === null ? 'process' : 'bubblewrap'
      const unavailable = (reason: string): RuntimeProbe => ({
        ...{ available: false, version: manifest.version, backend: '', reason },
        ...{ options, program: null, isolation },
      })
      if (sandbox.file === null && manifest.sandbox === 'required')
        return unavailable(`It runs in a sandbox only: ${sandbox.reason}`)
      let reason = 'No Python was found. Install one, or set its path in the settings.'
      for (const { program, parts } of interpretersFor(manifest, place)) {
        const reads = [place.folder, ...parts, ...manifest.reads]
        const start: RuntimeProbe['program'] =
          sandbox.file === null ? () => program : sandboxed(sandbox.file, program, reads)
        const answer = await askSafely(ask, options, start)
        if (answer.available) {
          const missing = sandbox.file === null ? `It runs without a sandbox: ${sandbox.reason}` : null
          return { ...answer, reason: missing, options, program: start, isolation }
        }
        reason = answer.reason ?? reason
      }
      return unavailable(reason)
    },
    estimateMemory: (version) =>
      Math.ceil(memory.baseBytes + memory.perModelByte * (version?.sizeBytes ?? 0)),
  }
}

const sandboxed =
  (bubblewrap: string, program: Program, reads: readonly string[]) =>
  (start: WorkerStart): Program =>
    inBubblewrap(bubblewrap, program, reads, start)

/** What it says of itself is shown to people: one line, and not longer than they read. */
async function askSafely(ask: AskWorker, options: string, program: RuntimeProbe['program']) {
  const { available, version, backend, reason } = await ask(options, program)
  const plain = (text: string, most: number) =>
    text
      .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
      .trim()
      .slice(0, most)
  return {
    available,
    version: plain(version, 40),
    backend: plain(backend, 60),
    reason: reason === null ? null : plain(reason, 500),
  }
}

function interpretersFor({ interpreter, entry }: Manifest, place: PluginPlace): Interpreter[] {
  switch (interpreter) {
    case 'node': {
      const file = process.execPath
      const real = realpathSync(file)
      return [
        {
          program: { file, args: [], env: { ELECTRON_RUN_AS_NODE: '1' } },
          parts: [real, ...withoutPrivate([dirname(real)], place.dataDir)],
        },
      ]
    }
    case 'python':
      return pythons(place.pythonPath()).map((found) => {
        const { file, reads } = installedPython(found, place.dataDir)
        return { program: { file, args: PYTHON_ARGS, env: {} }, parts: reads }
      })
    case 'none':
      return [{ program: { file: join(place.folder, entry), args: [], env: {} }, parts: [] }]
  }
}

const pythons = (set: string) => (set === '' ? findPythons() : [set])
