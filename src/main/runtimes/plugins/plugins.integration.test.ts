import {
  appendFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PrincipalId } from '../../../shared/domain/ids'
import { createLocalExecutor, type LocalExecutor } from '../../executors/local'
import { systemClock } from '../../platform/clock'
import { type Database, openDatabase } from '../../platform/database'
import { askWorker } from '../../platform/processes'
import { findPythons } from '../python'
import { conformance, tensorSubject } from '../testing/conformance'
import { engineId, floats, hooks, pidOf, processGone, valuesOf, versionOf } from '../testing/fixtures'
import { createPlugins, type Plugins, pluginMigrations } from '.'
import { pluginRuntime } from './adapter'
import { readManifest } from './manifest'

const EXAMPLE = resolve(import.meta.dirname, '../../../../docs/plugins/tiny-tflite')
const OWNER = 'u-owner' as PrincipalId
const { signal } = new AbortController()

let dataDir: string
let database: Database
let executor: LocalExecutor
let plugins: Plugins

/** As at every start of the program; what was allowed is in the database. */
async function open(): Promise<void> {
  executor = createLocalExecutor({
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    // No runtime of our own: each says at once that it does not start.
    workersDir: join(dataDir, 'none'),
    plugins: () => plugins.runtimes(),
  })
  plugins = createPlugins({
    dir: join(dataDir, 'plugins'),
    dataDir,
    database,
    clock: systemClock,
    pythonPath: () => '',
    onChange: () => executor.refreshRuntimes(),
  })
  await plugins.list()
  await executor.start()
  await executor.refreshRuntimes()
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'plugins with spaces-'))
  database = await openDatabase(join(dataDir, 'test.db'), pluginMigrations)
  await open()
}, 120_000)
afterAll(async () => {
  await executor.dispose()
  await database.dispose()
  await rm(dataDir, { recursive: true })
})

const at = (...path: string[]) => join(dataDir, 'plugins', ...path)
const find = async (id: string) => {
  const plugin = (await plugins.list()).find((known) => known.id === id)
  if (!plugin) throw new Error(`there is no ${id}`)
  return plugin
}
const allow = async (id: string) => plugins.allow(id, (await find(id)).digest ?? '', OWNER)
const model = () => versionOf('tflite', ['two-layers.tflite'])

describe('a plugin', () => {
  it('is only looked at until it is allowed', async () => {
    await cp(EXAMPLE, at('tiny-tflite'), { recursive: true })
    expect(await find('tiny-tflite')).toMatchObject({
      state: 'waiting',
      name: 'Tiny TFLite',
      formats: ['tflite'],
      files: 3,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      allowedBy: null,
    })
    expect(() => executor.runtimeFor('tflite')).toThrow(/No runtime here runs tflite/)
    await expect(executor.load(model(), { threads: 1, signal })).rejects.toMatchObject({
      code: 'compute.no_runtime',
    })
  })

  it('is not allowed by the digest of other files', async () => {
    await expect(plugins.allow('tiny-tflite', '0'.repeat(64), OWNER)).rejects.toMatchObject({
      code: 'compute.conflict',
    })
    await expect(plugins.allow('nobody', '0'.repeat(64), OWNER)).rejects.toMatchObject({
      code: 'compute.not_found',
    })
  })

  it('is a runtime like any other once it is allowed, also after a restart', async () => {
    expect(await allow('tiny-tflite')).toMatchObject({ state: 'allowed', allowedBy: OWNER })
    await executor.dispose()
    await open()
    expect(executor.runtimeFor('tflite')).toBe('tiny-tflite')
    const { isolation, digest } = await find('tiny-tflite')
    expect(executor.codeFor('tflite')).toBe(`tiny-tflite ${digest}`)
    expect(executor.runtimes().at(-1)).toMatchObject({
      id: 'tiny-tflite',
      plugin: 'tiny-tflite',
      available: true,
      backend: 'cpu',
      isolation,
      formats: ['tflite'],
    })
  })

  conformance(
    'The example of a plugin',
    () => executor,
    tensorSubject({
      version: model,
      inputs: () => ({ x: floats([1, 2], [1, 2]) }),
      check: (outputs) => expect(valuesOf(outputs, 'y')[0]).toBe(4.5),
      wrongDtype: () => ({
        inputs: { x: { dtype: 'int32', shape: [1, 2], bytes: new Uint8Array(8) } },
        words: /"x" wants float32, got int32 \[1, 2\]/,
      }),
      runs: 500,
      growthBytes: 24 * 2 ** 20,
    }),
  )

  it('takes no format that another runs already', async () => {
    await cp(EXAMPLE, at('second'), { recursive: true })
    const manifest = { manifest: 1, id: 'second', name: 'Second', version: '1', protocol: 1 }
    const rest = { formats: ['tflite'], interpreter: 'node', entry: 'worker.mjs' }
    await writeFile(at('second', 'runtime.json'), JSON.stringify({ ...manifest, ...rest }))
    await expect(allow('second')).rejects.toMatchObject({
      code: 'compute.conflict',
      message: expect.stringContaining('Tiny TFLite runs tflite already'),
    })
    await rm(at('second'), { recursive: true })
  })

  it('whose files change runs no more: not the engine that is loaded, not the next one', async () => {
    const view = await executor.load(model(), { threads: 1, signal })
    await appendFile(at('tiny-tflite', 'model.mjs'), '\n// changed\n')
    // Found by the load itself; nobody has looked.
    await expect(executor.load(model(), { threads: 1, signal })).rejects.toMatchObject({
      code: 'compute.no_runtime',
      message: expect.stringContaining('allow it again'),
    })
    await processGone(pidOf(view))
    expect(await find('tiny-tflite')).toMatchObject({ state: 'changed', allowedBy: OWNER })
    expect(() => executor.runtimeFor('tflite')).toThrow(/No runtime here/)
    expect(await allow('tiny-tflite')).toMatchObject({ state: 'allowed' })
    expect(executor.runtimeFor('tflite')).toBe('tiny-tflite')
  })

  it('whose files change is not even asked whether it works', async () => {
    const worker = await readFile(at('tiny-tflite', 'worker.mjs'))
    let wasAsked = false
    const stop = executor.onDidTryRuntime(() => {
      wasAsked ||= executor.runtimes().some(({ reason }) => reason?.includes('they run me') ?? false)
    })
    await writeFile(at('tiny-tflite', 'worker.mjs'), 'throw new Error("they run me")')
    // As when another path of Python is set; nobody has looked at the folder.
    await executor.probe()
    stop()
    expect(wasAsked).toBe(false)
    expect(await find('tiny-tflite')).toMatchObject({ state: 'changed' })
    await writeFile(at('tiny-tflite', 'worker.mjs'), worker)
    await plugins.list()
    expect(executor.runtimeFor('tflite')).toBe('tiny-tflite')
  })

  it('starts while another is being tried', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'plugins-'))
    await cp(EXAMPLE, join(dir, 'plugins', 'tiny-tflite'), { recursive: true })
    const own = await openDatabase(join(dir, 'test.db'), pluginMigrations)
    let tried: () => void = () => undefined
    const beside = createPlugins({
      ...{ dir: join(dir, 'plugins'), dataDir: dir, database: own, clock: systemClock, pythonPath: () => '' },
      onChange: () => new Promise((resolve) => (tried = resolve)),
    })
    const [plugin] = await beside.list()
    let isAllowed = false
    const allowed = beside.allow('tiny-tflite', plugin?.digest ?? '', OWNER).then(() => {
      isAllowed = true
    })
    await expect.poll(() => beside.runtimes()).toHaveLength(1)
    await beside.runtimes()[0]?.assertUnchanged?.()
    expect(isAllowed).toBe(false)
    tried()
    await allowed
    await own.dispose()
    await rm(dir, { recursive: true })
  })

  it('is stopped in the middle of its work when it is disallowed', async () => {
    const engine = engineId(await executor.load(model(), { threads: 1, signal }))
    const seen = hooks()
    const disallowed = new Promise<void>((done, failed) => {
      seen.onProgress = () => void plugins.disallow('tiny-tflite').then(() => done(), failed)
    })
    const inputs = { x: floats([1, 2], [1, 2]) }
    const run = executor.run(engine, { kind: 'benchmark', inputs, iterations: 1e6, warmup: 0 }, seen)
    await expect(run).rejects.toMatchObject({ code: 'compute.interrupted' })
    await disallowed
    expect(executor.engines()).toEqual([])
    expect(await find('tiny-tflite')).toMatchObject({ state: 'waiting', allowedBy: null, allowedAt: null })
    expect(executor.runtimes().some(({ id }) => id === 'tiny-tflite')).toBe(false)
    await rm(at('tiny-tflite'), { recursive: true })
  })

  it('that does not answer is a runtime that does not run here, and says why', async () => {
    await cp(EXAMPLE, at('tiny-tflite'), { recursive: true })
    await writeFile(at('tiny-tflite', 'worker.mjs'), 'throw new Error("libtflite.so is missing")')
    await allow('tiny-tflite')
    expect(executor.runtimes().at(-1)).toMatchObject({
      available: false,
      reason: expect.stringContaining('libtflite.so is missing'),
    })
    expect(() => executor.runtimeFor('tflite')).toThrow('libtflite.so is missing')
    await rm(at('tiny-tflite'), { recursive: true })
  })
})

it('a plugin in Python leaves its folder as it was, and what it prints is there at once', async ({
  skip,
}) => {
  if (findPythons().length === 0) return skip()
  const folder = await mkdtemp(join(tmpdir(), 'python-'))
  const manifest = { manifest: 1, id: 'py', name: 'Py', version: '1', protocol: 1, formats: ['tflite'] }
  const read = readManifest(JSON.stringify({ ...manifest, interpreter: 'python', entry: 'worker.py' }))
  if (Array.isArray(read)) throw new Error('the manifest is refused')
  const entry = join(folder, 'worker.py')
  await writeFile(join(folder, 'helper.py'), 'WORDS = "before the crash"\n')
  await writeFile(
    entry,
    `import os, sys\nsys.path.insert(0, ${JSON.stringify(folder)})\nimport helper\nprint(helper.WORDS)\nos._exit(3)\n`,
  )
  const sandbox = { file: null, reason: 'this test has none.' }
  const place = {
    ...{ folder, digest: '', dataDir, sandbox },
    ...{ pythonPath: () => '', assertUnchanged: async () => undefined },
  }
  let words = ''
  const probe = await pluginRuntime(read, place).probe(async (options, program) => {
    const answer = await askWorker(
      { entry, program: program?.({ entry, socketPath: null, files: [], options }) ?? null },
      20_000,
    )
    words = answer.stdout
    return { available: answer.code === 3, version: '', backend: '', reason: answer.stderr }
  })
  expect(probe).toMatchObject({ available: true })
  expect(await readdir(folder)).toEqual(['helper.py', 'worker.py'])
  expect(words).toBe('before the crash\n')
  await rm(folder, { recursive: true })
})

describe('a hostile plugin is refused with a sentence and never run', () => {
  const hostile: [string, (folder: string) => Promise<unknown>, RegExp][] = [
    ['a link to a file', (folder) => symlink('/etc/passwd', join(folder, 'lib.mjs')), /is a link/],
    ['a link to a folder', (folder) => symlink('/etc', join(folder, 'lib')), /is a link/],
    [
      'a huge file',
      (folder) => writeFile(join(folder, 'w.bin'), '').then(() => truncate(join(folder, 'w.bin'), 2 ** 40)),
      /more than 64 MiB/,
    ],
    ['a huge manifest', (folder) => truncate(join(folder, 'runtime.json'), 2 ** 20), /at most 64 KiB/],
    ['no manifest', (folder) => rm(join(folder, 'runtime.json')), /no runtime\.json/],
    [
      'a manifest that is a folder',
      (folder) => rm(join(folder, 'runtime.json')).then(() => mkdir(join(folder, 'runtime.json'))),
      /no runtime\.json/,
    ],
    [
      'folders without end',
      (folder) => mkdir(join(folder, 'a/b/c/d/e/f/g/h/i/j'), { recursive: true }),
      /nests deeper/,
    ],
    ['a name of two lines', (folder) => writeFile(join(folder, 'a\nb'), ''), /not to be seen/],
  ]

  it.each(hostile)('%s', async (_, spoil, words) => {
    const folder = at('tiny-tflite')
    await cp(EXAMPLE, folder, { recursive: true })
    await spoil(folder)
    const refused = await find('tiny-tflite')
    expect(refused.state).toBe('refused')
    expect(refused.findings.map(({ message }) => message).join()).toMatch(words)
    await expect(plugins.allow('tiny-tflite', refused.digest ?? '0'.repeat(64), OWNER)).rejects.toMatchObject(
      {
        code: 'system.invalid',
      },
    )
    expect(plugins.runtimes()).toEqual([])
    await rm(folder, { recursive: true })
  })

  it('a folder that is a link, and a file', async () => {
    await symlink(EXAMPLE, at('tiny-tflite'))
    await writeFile(at('plugin.zip'), 'PK')
    for (const id of ['tiny-tflite', 'plugin.zip'])
      expect(await find(id)).toMatchObject({
        state: 'refused',
        findings: [{ message: expect.stringMatching(/no folder/) }],
      })
    await rm(at('tiny-tflite'))
    await rm(at('plugin.zip'))
  })

  it('one whose path to read is turned into a link to the data folder after it was allowed', async () => {
    await cp(EXAMPLE, at('tiny-tflite'), { recursive: true })
    const library = join(dataDir, '..', `library-${process.pid}`)
    await mkdir(library)
    const manifest = JSON.parse(await readFile(at('tiny-tflite', 'runtime.json'), 'utf8'))
    await writeFile(at('tiny-tflite', 'runtime.json'), JSON.stringify({ ...manifest, reads: [library] }))
    await allow('tiny-tflite')
    const [runtime] = plugins.runtimes()
    await runtime?.assertUnchanged?.()
    await rm(library, { recursive: true })
    await symlink(dataDir, library)
    await expect(runtime?.assertUnchanged?.()).rejects.toMatchObject({ code: 'compute.no_runtime' })
    expect(await find('tiny-tflite')).toMatchObject({ state: 'refused' })
    expect(plugins.runtimes()).toEqual([])
    await rm(library)
    await rm(at('tiny-tflite'), { recursive: true })
  })

  it('one that became hostile after it was allowed', async () => {
    await cp(EXAMPLE, at('tiny-tflite'), { recursive: true })
    await allow('tiny-tflite')
    await symlink('/etc/passwd', at('tiny-tflite', 'more'))
    expect(await find('tiny-tflite')).toMatchObject({ state: 'refused' })
    expect(plugins.runtimes()).toEqual([])
    await rm(at('tiny-tflite'), { recursive: true })
  })
})
