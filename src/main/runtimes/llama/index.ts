import { existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Program } from '../../platform/processes'
import { tryAccelerators } from '../accelerators'
import type { AskWorker, RuntimeAdapter, RuntimeProbe, SizedVersion } from '../adapter'
import { BACKENDS } from './backends'

const MIB = 2 ** 20
/** What node-llama-cpp is written for. */
const OLDEST_NODE = 20
/** Keys and values of the attention are kept as 16-bit floats. */
const CACHE_BYTES = 2

/**
 * Language models by llama.cpp, on the CPU, and on a leased GPU where it has a way to use that. Where this program's Node is
 * too old for it, the installed one runs it.
 */
export const llamaRuntime: RuntimeAdapter = {
  id: 'llama',
  name: 'llama.cpp',
  formats: ['gguf'],
  entry: 'llama.cjs',
  async probe(ask) {
    if (Number(process.versions.node.split('.')[0]) >= OLDEST_NODE) return probeUnder(null, ask)
    let reason = `It needs Node ${OLDEST_NODE} or newer, and none is installed.`
    for (const file of installedNodes()) {
      const probe = await probeUnder({ file, args: [] }, ask)
      if (probe.available) return probe
      reason = probe.reason ?? reason
    }
    const isolation = 'process' as const
    return { available: false, version: '', backend: '', reason, options: '', program: null, isolation }
  },
  // The worker takes some 90 MiB by itself, and what is computed between two layers some 64 more.
  estimateMemory: (version) => (version ? 154 * MIB + version.sizeBytes + cacheBytes(version) : 90 * MIB),
}

/** @param node null: this program's own */
async function probeUnder(node: Program | null, ask: AskWorker): Promise<RuntimeProbe> {
  const program = node && (() => node)
  const cpu = await ask('cpu', program)
  const common = { ...cpu, options: 'cpu', program, isolation: 'process' as const }
  if (!cpu.available) return common
  const tried = await tryAccelerators('llama.cpp', BACKENDS, cpu.offers ?? [], (name) => ask(name, program))
  return { ...common, ...tried }
}

/** Layers x (keys + values of all heads) x tokens; llama.cpp keeps the heads of keys and values, often fewer than all. */
function cacheBytes({ metadata = {}, contextTokens = 0 }: SizedVersion): number {
  const number = (name: string, otherwise: number) => {
    const value = metadata[name]
    return typeof value === 'number' && value > 0 ? value : otherwise
  }
  const width = number('embeddingLength', 4096)
  const heads = number('headCount', 32)
  const headSize = number('keyLength', width / heads)
  const perLayer = 2 * number('headCountKv', heads) * headSize * CACHE_BYTES
  return number('blockCount', 32) * perLayer * contextTokens
}

function installedNodes(): string[] {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  return [...new Set(folders.map((folder) => join(folder, name)))].filter((file) => existsSync(file))
}
