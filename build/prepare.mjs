// Brings a checkout to the point where it runs: packages, build, Electron, system libraries. Uses only
// Node's own modules, does nothing twice, and tells on stderr what it does.
//   node build/prepare.mjs [deps] [build] [electron] [system] [tools]

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findElectron, prepareElectron } from './electron-runtime.mjs'
import { fail, npm, PrepareError, packageScript, root } from './process.mjs'
import { say, step } from './progress.mjs'
import {
  hasSystemLibraries,
  hasTestTools,
  installSystemLibraries,
  installTestTools,
} from './system-libraries.mjs'

const oldestNode = [20, 19]
const lockFile = join(root, '.cache', 'prepare.lock')
/** A lock without a number after so long was left by who ended before it could write one. */
const UNSIGNED_MS = 10_000
const buildStamp = join(root, 'out', '.inputs')
const buildInputs = ['src', 'electron.vite.config.ts', 'tsconfig.json', 'package.json', 'package-lock.json']

/** What can be prepared, in the order it is done: whether it is there, and how to get it. */
const parts = {
  deps: { ready: hasDependencies, make: installDependencies },
  system: { ready: hasSystemLibraries, make: installSystemLibraries },
  tools: { ready: hasTestTools, make: installTestTools },
  build: { ready: isBuilt, make: build },
  electron: { ready: async () => (await findElectron()) !== undefined, make: prepareElectron },
}

/**
 * Prepares what is missing of `need` (`deps`, `build`, `electron`, `system`, `tools`).
 * @throws PrepareError with a sentence a person can act on.
 */
export async function prepare({ need }) {
  requireNode()
  const wanted = Object.entries(parts).filter(([name]) => need.includes(name))
  const missing = async () => {
    // In order: whether the build is current can be told only once the packages are there.
    for (const [, part] of wanted) if (!(await part.ready())) return true
    return false
  }
  if (!(await missing())) return
  await withLock(async () => {
    for (const [, part] of wanted) if (!(await part.ready())) await part.make()
  })
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  throw new PrepareError(
    `This is Node ${process.versions.node}; LLMAgentOS needs Node ${oldestNode.join('.')} or newer. ` +
      'Install it from https://nodejs.org or with your version manager, and run the command again.',
  )
}

/** One preparation at a time in a checkout; a lock whose owner is gone is taken over. */
async function withLock(work) {
  await makeCache()
  let told = false
  for (;;) {
    const handle = await open(lockFile, 'wx').catch((error) => {
      if (error.code === 'EEXIST') return undefined
      throw error
    })
    if (handle) {
      await handle.writeFile(String(process.pid))
      await handle.close()
      break
    }
    const owner = Number(await readFile(lockFile, 'utf8').catch(() => ''))
    // In a container each start may have the same number; one that says no number ended before it could.
    const isGone =
      owner > 0 ? owner === process.pid || !isAlive(owner) : (await ageOf(lockFile)) > UNSIGNED_MS
    if (isGone) await rm(lockFile, { force: true })
    else if (!told) {
      say(`  Waiting for another preparation of this checkout (process ${owner}) ...`)
      told = true
    }
    await sleep(200)
  }
  try {
    return await work()
  } finally {
    await rm(lockFile, { force: true })
  }
}

/** Ms since it was written; 0 when it is not there. */
async function ageOf(file) {
  const found = await stat(file).catch(() => undefined)
  return found ? Date.now() - found.mtimeMs : 0
}

/** After `sudo`, whoever owns the checkout still writes there. */
async function makeCache() {
  const made = await mkdir(dirname(lockFile), { recursive: true })
  if (made === undefined || process.getuid?.() !== 0) return
  const { uid, gid } = await stat(root)
  await chown(made, uid, gid)
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** npm writes what it installed to `node_modules/.package-lock.json`; that must agree with our lock. */
async function hasDependencies() {
  const read = async (file) => JSON.parse(await readFile(join(root, file), 'utf8').catch(() => '{}'))
  const [wanted, installed] = await Promise.all([
    read('package-lock.json'),
    read('node_modules/.package-lock.json'),
  ])
  if (!wanted.packages || !installed.packages) return false
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (path === '') return true
    const there = installed.packages[path]
    // What is optional may be missing: it is for another system, or could not be installed here.
    if (!there) return Boolean(entry.optional || entry.devOptional || entry.peer)
    return there.version === entry.version && there.integrity === entry.integrity
  })
}

async function installDependencies() {
  if (!existsSync(join(root, 'package-lock.json'))) throw new PrepareError('package-lock.json is missing.')
  await step('Installing packages (npm ci)', () => npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']))
}

async function isBuilt() {
  const stamp = await readFile(buildStamp, 'utf8').catch(() => undefined)
  return stamp !== undefined && stamp === (await hashOfInputs())
}

async function build() {
  // The hash is taken first: what changes during the build makes the next start build again.
  const hash = await hashOfInputs()
  await rm(buildStamp, { force: true })
  await step('Building', () =>
    packageScript('electron-vite/bin/electron-vite.js', ['build', '--logLevel', 'warn']),
  )
  await mkdir(join(root, 'out'), { recursive: true })
  await writeFile(buildStamp, hash)
}

async function hashOfInputs() {
  const hash = createHash('sha256').update(process.version)
  for (const input of buildInputs) {
    for (const file of await filesUnder(join(root, input))) {
      hash.update(`\0${relative(root, file)}\0`).update(await readFile(file))
    }
  }
  return hash.digest('hex')
}

async function filesUnder(path) {
  if (!existsSync(path)) return []
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch((error) => {
    if (error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (!entries) return [path]
  return entries
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const need = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts)
  const unknown = need.find((name) => !(name in parts))
  if (unknown)
    fail(new PrepareError(`"${unknown}" cannot be prepared; there is ${Object.keys(parts).join(', ')}.`))
  await prepare({ need }).catch(fail)
}
