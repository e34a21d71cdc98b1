import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isAbsolute, join } from 'node:path'
import packageJson from '../../package.json' with { type: 'json' }
import { type Compute, computeMigrations, createCompute, createReplays } from './compute'
import { type Core, coreMigrations, createCore } from './core'
import { createLocalExecutor } from './executors/local'
import { createNetwork, type Network } from './network'
import { systemClock, toIso } from './platform/clock'
import { openDatabase } from './platform/database'
import { DiskReserve } from './platform/disk-reserve'
import type { Disposable } from './platform/events'
import { claim } from './platform/lock'
import type { Logger } from './platform/logger'
import { assertMayManage, mayName } from './rpc/authorize'
import type { About } from './rpc/modules'
import { described } from './rpc/resources'
import { createRouter } from './rpc/router'
import { matchDownload } from './rpc/transports/downloads'
import { JsonBodies } from './rpc/transports/json-body'
import { createMessagePortTransport, type MessagePortLike } from './rpc/transports/message-port'
import { createRestTransport } from './rpc/transports/rest'
import { createWebSocketTransport } from './rpc/transports/websocket'
import { createPlugins, pluginMigrations } from './runtimes/plugins'
import { samplePath } from './samples'
import { createSecurity, type Security, securityMigrations } from './security'
import { createSettings, type SettingsStore, settingsMigrations } from './settings'
import { createStorage, type Storage, storageMigrations } from './storage'

export interface SystemOptions {
  /** Holds everything: database, blobs. Created when it is not there. */
  dataDir: string
  /** The port of the API; 0 for any free one; undefined takes the setting and, when that is taken, a free one. */
  port?: number | undefined
  /** The person signed in to the operating system. */
  ownerName: string
  /** At the first start: the owner's API key, 32 characters or more. */
  ownerKey?: string | undefined
  logger: Logger
  /** Folder of the built worker entries. */
  workersDir: string
  /** `resources/` of the program: samples. */
  resourcesDir: string
  /** The built window for browsers; null serves the API alone. */
  rendererDir: string | null
  electronVersion?: string | undefined
  /** Whether it can go on without its window, in the tray; absent: there is neither. */
  canStayInTray?: (() => boolean) | undefined
}

export interface System {
  readonly core: Core
  readonly storage: Storage
  readonly security: Security
  readonly compute: Compute
  readonly network: Network
  readonly about: About
  /** Serves a window's MessagePort as the owner. */
  connectWindow(port: MessagePortLike): void
  /** Streams a file or an exported version to a window, as the owner; null for any other address. */
  windowDownload(request: Request): Promise<Response | null>
  /** Reconciles, begins to schedule, listens. @returns the API's base address */
  start(): Promise<string>
  /** Takes no more work, lets running attempts end for up to `graceMs`, closes everything. Idempotent. */
  stop(graceMs?: number): Promise<void>
}

/**
 * The composition root: builds the five modules and wires them by hand.
 * @throws AppError `system.already_running`, `system.newer_data`
 */
export async function createSystem(options: SystemOptions): Promise<System> {
  const { dataDir, logger } = options
  const clock = systemClock
  const startedAt = clock.now()
  const problems: string[] = []

  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const reserve = new DiskReserve(dataDir, clock, logger)
  reserve.giveUp()
  const lock = claim(join(dataDir, 'lock'))
  const database = await openDatabase(join(dataDir, 'llmagentos.db'), {
    ...settingsMigrations,
    ...coreMigrations,
    ...securityMigrations,
    ...storageMigrations,
    ...computeMigrations,
    ...pluginMigrations,
  }).catch((error: unknown) => {
    void lock.dispose()
    throw error
  })
  let settings: SettingsStore
  try {
    settings = createSettings(database)
  } catch (error) {
    await database.dispose()
    await lock.dispose()
    throw error
  }

  const security: Security = createSecurity({
    database,
    clock,
    logger,
    ownerName: options.ownerName,
    ownerKey: options.ownerKey,
    describe: (resource) => described({ compute, core, storage }, resource),
  })
  const core: Core = createCore({ database, clock, logger })
  const storage: Storage = createStorage({
    dataDir,
    database,
    clock,
    logger,
    inspectWorkerEntry: join(options.workersDir, 'inspect.cjs'),
    mayName: (by, as, reference) => mayName(modules, by, as, reference),
    assertMayManage: (by, kind, name) => assertMayManage(modules, by, kind, name),
    usersOf: (model, version) => compute.usersOf(model, version),
    hubUrl: () => settings.get().hubUrl,
  })
  // For a machine that nobody sits at; a relative one would be another's from each folder.
  const given = process.env['LLMAGENTOS_PYTHON'] ?? ''
  const pythonPath = () => settings.get().pythonPath || (isAbsolute(given) ? given : '')
  const executor = createLocalExecutor({
    clock,
    logger,
    workersDir: options.workersDir,
    dataDir,
    pythonPath,
    plugins: () => plugins.runtimes(),
    onDidSeeGpuPrograms: core.onDidSeeGpuPrograms,
  })
  const plugins = createPlugins({
    dir: join(dataDir, 'plugins'),
    dataDir,
    database,
    clock,
    pythonPath,
    onChange: () => executor.refreshRuntimes(),
  })
  const compute: Compute = createCompute({
    core,
    storage,
    executor,
    replays: createReplays(join(options.workersDir, 'replay.cjs'), clock),
    database,
    clock,
    logger,
    engineIdleMs: settings.get().engineIdleMs,
    runsTogether: () => settings.get().runsTogether,
    pausedDir: join(dataDir, 'paused'),
  })
  const network = createNetwork({
    security,
    clock,
    logger,
    port: options.port ?? settings.get().apiPort,
    fallbackToAnyPort: options.port === undefined,
    rendererDir: options.rendererDir,
    switchedOff: settings.switchedOff,
  })

  const allProblems = () => [...problems, ...security.problems()]
  const status = () => (allProblems().length === 0 ? 'ok' : 'degraded')
  const about: About = {
    health: () => ({ status: status(), version: packageJson.version, uptimeMs: clock.now() - startedAt }),
    makeRoom: () => reserve.giveUp(),
    info: () => ({
      version: packageJson.version,
      hostname: hostname(),
      platform: `${process.platform} ${process.arch}`,
      node: process.versions.node,
      electron: options.electronVersion ?? null,
      dataDir,
      apiUrl: network.url(),
      startedAt: toIso(startedAt),
      status: status(),
      problems: allProblems(),
      canStayInTray: options.canStayInTray?.() ?? false,
    }),
    settings: () => settings.get(),
    samplePath: (sample) => samplePath(options.resourcesDir, sample),
    updateSettings(change) {
      const before = settings.get()
      const next = settings.update(change)
      if (next.pythonPath !== before.pythonPath) {
        executor
          .probe()
          .catch((error: unknown) => logger.error({ err: error }, 'the runtimes could not be tried again'))
      }
      core.setReservedMemory(next.reservedMemoryBytes)
      compute.setEngineIdle(next.engineIdleMs)
      return next
    },
  }

  const modules = { core, storage, security, compute, plugins, network, about, computeReady: () => computing }
  const router = createRouter(modules)
  const messagePort = createMessagePortTransport(router, logger)
  const bodies = new JsonBodies(join(options.workersDir, 'json.cjs'), clock)
  // Opened first, closed last.
  const parts: Disposable[] = [lock, database, security, storage, core, executor, compute, bodies, reserve]
  let stopping: Promise<void> | null = null
  let computing: Promise<void> = Promise.resolve()

  async function shutDown(graceMs: number): Promise<void> {
    await network.dispose()
    await computing.then(
      () => compute.stop(graceMs),
      () => undefined, // it never began, so there is nothing to stop
    )
    for (const part of parts.reverse()) await part.dispose()
  }

  const system: System = {
    ...modules,
    connectWindow: (port) => messagePort(port, security.owner()),
    async windowDownload(request) {
      const download = matchDownload(request)
      return download ? download({ caller: security.owner(), modules }) : null
    },
    async start() {
      core.setReservedMemory(settings.get().reservedMemoryBytes)
      // Imports that are taken up again ask what those who began them may name.
      await Promise.all([security.start().then(() => storage.start()), core.start()])
      reserve.start()
      const listening = network.start({
        rest: createRestTransport(router, modules, logger, packageJson.version, bodies),
        websocket: createWebSocketTransport(router, logger),
      })
      // Looking at the plugins and taking up the jobs that were left can take a while: only calls about jobs wait for it.
      computing = listening.then(async () => {
        await plugins
          .list()
          .catch((error: unknown) => logger.error({ err: error }, 'the plugins could not be looked at'))
        await executor.start()
        await compute.start()
      })
      computing.catch((error: unknown) => {
        logger.error({ err: error }, 'jobs cannot be run')
        problems.push('Jobs cannot be run: what runs them did not start. The log has the details.')
      })
      const url = await listening
      if (
        options.port === undefined &&
        !url.endsWith(`:${settings.get().apiPort}`) &&
        settings.get().apiPort !== 0
      ) {
        problems.push(
          `Port ${settings.get().apiPort} is taken by another program, so the API listens on ${url}.`,
        )
      }
      return url
    },
    stop(graceMs = 10_000) {
      stopping ??= shutDown(graceMs)
      return stopping
    },
  }
  return system
}
