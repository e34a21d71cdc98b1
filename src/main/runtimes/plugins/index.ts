import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finding, Plugin } from '../../../shared/contract'
import type { PrincipalId } from '../../../shared/domain/ids'
import { AppError } from '../../../shared/errors'
import { type Clock, toIso } from '../../platform/clock'
import type { Database } from '../../platform/database'
import { codeOf } from '../../platform/error-code'
import type { RuntimeAdapter } from '../adapter'
import { builtInFormats, builtInIds } from '../built-in'
import { type Sandbox, trySandbox } from '../sandbox'
import { pluginRuntime } from './adapter'
import { type Consent, createConsents } from './consents'
import { digestFiles, listFiles, type PluginFiles } from './files'
import { judge, type Manifest, readManifest, refusal } from './manifest'

export { pluginMigrations } from './consents'

const MOST_PLUGINS = 100

/** Runtimes of third parties: folders in `plugins/`, none of which runs before a person allows exactly its files. */
export interface Plugins {
  /** Looks at the folder anew; what was allowed and has changed runs no more when this resolves. */
  list(): Promise<Plugin[]>
  /** Of what is allowed, as last seen. */
  runtimes(): RuntimeAdapter[]
  /**
   * @param digest of the files that the person has looked at
   * @throws AppError `compute.not_found`, `compute.conflict` when they are others now or a format is another's,
   * `system.invalid` for what is refused
   */
  allow(id: string, digest: string, by: PrincipalId): Promise<Plugin>
  /** Idempotent. @throws AppError `compute.not_found` */
  disallow(id: string): Promise<Plugin>
}

export interface PluginsDeps {
  /** Created when it is not there. */
  dir: string
  dataDir: string
  database: Database
  clock: Clock
  pythonPath(): string
  /** The runtimes are others now. */
  onChange(): Promise<void>
}

/** A folder as it was last seen. */
interface Seen {
  id: string
  files: PluginFiles
  digest: string | null
  manifest: Manifest | null
  findings: Finding[]
}

interface Running {
  digest: string
  runtime: RuntimeAdapter
}

export function createPlugins(deps: PluginsDeps): Plugins {
  return new PluginFolder(deps)
}

class PluginFolder implements Plugins {
  readonly #deps: PluginsDeps
  readonly #consents
  #seen = new Map<string, Seen>()
  #running = new Map<string, Running>()
  #sandbox: Sandbox | null = null
  /** One look after the other: two at once would tell of a change twice, or not at all. */
  #looking: Promise<void> = Promise.resolve()
  /** What follows from changes that were found: engines end, and new runtimes are tried, which may take half a minute. */
  readonly #following = new Set<Promise<void>>()

  constructor(deps: PluginsDeps) {
    this.#deps = deps
    this.#consents = createConsents(deps.database)
  }

  async list(): Promise<Plugin[]> {
    await this.#lookAndFollow()
    return [...this.#seen.values()].map((seen) => this.#view(seen))
  }

  runtimes(): RuntimeAdapter[] {
    return [...this.#running.values()].map(({ runtime }) => runtime)
  }

  async allow(id: string, digest: string, by: PrincipalId): Promise<Plugin> {
    await this.#look()
    const seen = this.#find(id)
    const { manifest, findings } = seen
    const refused = findings.find(({ severity }) => severity === 'reject')
    if (refused || !manifest) {
      const message = `The plugin ${id} cannot be allowed: ${refused?.message ?? 'it has no manifest.'}`
      throw new AppError('system.invalid', message, { findings })
    }
    if (seen.digest !== digest) {
      const message = `The files of the plugin ${id} have changed since they were looked at. Look again, then allow it.`
      throw new AppError('compute.conflict', message, { digest: seen.digest })
    }
    for (const { runtime } of this.#running.values()) {
      const taken =
        runtime.id === id ? undefined : manifest.formats.find((format) => runtime.formats.includes(format))
      if (taken === undefined) continue
      const message = `${runtime.name} runs ${taken} already. Disallow it first: a format has one runtime.`
      throw new AppError('compute.conflict', message, { plugin: runtime.id })
    }
    this.#consents.give(id, { digest, by, atMs: this.#deps.clock.now() })
    await this.#lookAndFollow()
    return this.#view(this.#find(id))
  }

  async disallow(id: string): Promise<Plugin> {
    await this.#look()
    this.#find(id)
    this.#consents.withdraw(id)
    await this.#lookAndFollow()
    return this.#view(this.#find(id))
  }

  #find(id: string): Seen {
    const seen = this.#seen.get(id)
    if (!seen) throw new AppError('compute.not_found', `There is no plugin "${id}" in ${this.#deps.dir}.`)
    return seen
  }

  /** Waits also for what follows from what others have found. */
  async #lookAndFollow(): Promise<void> {
    await this.#look()
    await Promise.all(this.#following)
  }

  #look(): Promise<void> {
    const look = this.#looking.then(() => this.#lookNow())
    this.#looking = look.catch(() => undefined)
    return look
  }

  async #lookNow(): Promise<void> {
    const { dir } = this.#deps
    await mkdir(dir, { recursive: true, mode: 0o700 })
    this.#sandbox ??= await trySandbox()
    const names = (await readdir(dir)).filter((name) => !name.startsWith('.')).sort()
    const seen = new Map<string, Seen>()
    for (const id of names.slice(0, MOST_PLUGINS)) seen.set(id, await this.#inspect(id))
    this.#seen = seen
    const running = new Map<string, Running>()
    for (const { id, digest, manifest } of seen.values()) {
      if (manifest && digest && this.#stateOf(id) === 'allowed')
        running.set(id, this.#start(id, digest, manifest))
    }
    const before = this.#running
    this.#running = running
    const isSame =
      before.size === running.size &&
      [...running].every(([id, { runtime }]) => before.get(id)?.runtime === runtime)
    if (!isSame) this.#follow()
  }

  #follow(): void {
    const following = this.#deps.onChange().finally(() => this.#following.delete(following))
    this.#following.add(following)
    // A load that found the change does not wait for it: who shows the plugins does, and is told.
    following.catch(() => undefined)
  }

  #start(id: string, digest: string, manifest: Manifest): Running {
    const before = this.#running.get(id)
    if (before?.digest === digest) return before
    const runtime: RuntimeAdapter = pluginRuntime(manifest, {
      folder: join(this.#deps.dir, id),
      digest,
      dataDir: this.#deps.dataDir,
      sandbox: this.#sandbox ?? { file: null, reason: 'it was not tried.' },
      pythonPath: this.#deps.pythonPath,
      assertUnchanged: async () => {
        await this.#look()
        if (this.#running.get(id)?.runtime === runtime) return
        const message = `The files of ${manifest.name} are others than those that were allowed. Look at them on the Runtimes page, then allow it again.`
        throw new AppError('compute.no_runtime', message, { plugin: id })
      },
    })
    return { digest, runtime }
  }

  async #inspect(id: string): Promise<Seen> {
    const folder = join(this.#deps.dir, id)
    try {
      const files = await listFiles(folder)
      const before = this.#seen.get(id)
      if (before && before.digest !== null && before.files.stamp === files.stamp) {
        const { manifest } = before
        // The files are the same, yet what it asks to read may lead elsewhere.
        return manifest ? { ...before, findings: this.#judge(manifest, id, files) } : before
      }
      const nothing: Seen = { id, files, digest: null, manifest: null, findings: files.findings }
      if (files.findings.length > 0) return nothing
      const { digest, manifest: text } = await digestFiles(folder, files.paths)
      const read =
        text === null
          ? [refusal('plugin.manifest', 'There is no runtime.json in its folder.')]
          : readManifest(text)
      if (Array.isArray(read)) return { ...nothing, digest, findings: read }
      return { ...nothing, digest, manifest: read, findings: this.#judge(read, id, files) }
    } catch (error) {
      // It vanished or may not be read: it is shown as it was found, and runs no more.
      const code = codeOf(error) ?? 'unknown'
      const findings = [refusal('plugin.unreadable', `Its files cannot be read (${code}).`, '.')]
      const files: PluginFiles = { paths: [], sizeBytes: 0, stamp: '', findings }
      return { id, files, digest: null, manifest: null, findings }
    }
  }

  #judge(manifest: Manifest, id: string, { paths }: PluginFiles): Finding[] {
    const reserved = { ids: builtInIds, formats: builtInFormats, dataDir: this.#deps.dataDir }
    return judge(manifest, id, new Set(paths), reserved)
  }

  #stateOf(id: string): Plugin['state'] {
    const { digest, findings } = this.#find(id)
    if (digest === null || findings.some(({ severity }) => severity === 'reject')) return 'refused'
    const consent = this.#consents.get(id)
    if (!consent) return 'waiting'
    return consent.digest === digest ? 'allowed' : 'changed'
  }

  #view(seen: Seen): Plugin {
    const { id, files, digest, manifest } = seen
    const state = this.#stateOf(id)
    const consent: Consent | null = state === 'allowed' || state === 'changed' ? this.#consents.get(id) : null
    return {
      id,
      state,
      name: manifest?.name ?? id,
      version: manifest?.version ?? '',
      formats: manifest?.formats ?? [],
      reads: manifest?.reads ?? [],
      isolation: this.#sandbox?.file ? 'bubblewrap' : 'process',
      files: files.paths.length,
      sizeBytes: files.sizeBytes,
      digest,
      findings: [...seen.findings, ...this.#aboutSandbox(manifest)],
      allowedBy: consent?.by ?? null,
      allowedAt: consent ? toIso(consent.atMs) : null,
    }
  }

  #aboutSandbox(manifest: Manifest | null): Finding[] {
    const sandbox = this.#sandbox
    if (!manifest || !sandbox || sandbox.file !== null) return []
    const message =
      manifest.sandbox === 'required'
        ? `It runs in a sandbox only, and there is none here: ${sandbox.reason}`
        : `There is no sandbox here, so it could do whatever you may do: ${sandbox.reason}`
    return [{ severity: 'warn', code: 'plugin.no_sandbox', message, file: 'runtime.json' }]
  }
}
