import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { pluginRuntime } from './adapter'
import { readManifest } from './manifest'

const { execPath } = process
let home: string

beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'home-')))
  vi.stubEnv('HOME', home)
})
afterEach(async () => {
  process.execPath = execPath
  vi.unstubAllEnvs()
  await rm(home, { recursive: true })
})

/** What the sandbox of a plugin in Node shows, when this program's Node lies there. */
async function shown(): Promise<string[]> {
  const manifest = readManifest(
    JSON.stringify({
      ...{ manifest: 1, id: 'tiny', name: 'Tiny', version: '1', protocol: 1 },
      ...{ formats: ['tflite'], interpreter: 'node', entry: 'worker.mjs' },
    }),
  )
  if (Array.isArray(manifest)) throw new Error('the manifest is refused')
  const folder = join(home, 'data/plugins/tiny')
  const runtime = pluginRuntime(manifest, {
    ...{ folder, digest: '', dataDir: join(home, 'data'), sandbox: { file: '/usr/bin/bwrap' } },
    ...{ pythonPath: () => '', assertUnchanged: async () => undefined },
  })
  let args: readonly string[] = []
  await runtime.probe(async (options, program) => {
    const start = { entry: join(folder, 'worker.mjs'), socketPath: null, files: [], options }
    args = program?.(start)?.args ?? []
    return { available: true, version: '', backend: '', reason: null }
  })
  return args.filter((_, i) => args[i - 1] === '--ro-bind-try')
}

it.runIf(process.platform !== 'win32')(
  'the folder of this program is shown to a plugin, but not where it holds what is private',
  async () => {
    const folder = await mkdtemp(join(home, 'program-'))
    for (const place of [home, folder]) await writeFile(join(place, 'node'), '')
    process.execPath = join(folder, 'node')
    expect(await shown()).toContain(folder)
    process.execPath = join(home, 'node')
    expect(await shown()).toContain(join(home, 'node'))
    expect(await shown()).not.toContain(home)
  },
)
