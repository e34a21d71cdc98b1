import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll } from 'vitest'
import type { Import, StorageTask } from '../../../shared/contract'
import type { PrincipalId } from '../../../shared/domain/ids'
import { systemClock } from '../../platform/clock'
import { type Database, openDatabase } from '../../platform/database'
import { type FileWorker, startFileWorker } from '../import/worker'
import { type ImportSource, type Storage, type StorageDeps, storageMigrations } from '../index'
import { assembleStorage } from '../storage'
import { buildInspectWorker } from './build-worker'
import { FIXTURES } from './fixtures'

export const ANNA = 'usr-anna' as PrincipalId

/** A data folder that outlives the storages opened on it, with the inspecting process built beside it. */
export interface Bench {
  folder: string
  dataDir: string
  workerEntry: string
  open(options?: OpenOptions): Promise<Opened>
  /** Closes what is open; the folder stays. */
  close(): Promise<void>
  dispose(): Promise<void>
}

export interface OpenOptions {
  usersOf?: (model: string, version: number) => string[]
  /** Default: a process of its own, as in the product. */
  startWorker?: () => FileWorker
  hubUrl?: string
  /** Default: everybody may name everything. */
  mayName?: StorageDeps['mayName']
  /** Default: everybody may add to everything. */
  assertMayManage?: StorageDeps['assertMayManage']
}

export interface Opened {
  storage: Storage
  database: Database
  close(): Promise<void>
}

interface BenchOptions {
  /** False where every storage gets a worker of the test's own. */
  withWorker?: boolean
  dataDir?: string
}

let builtWorker: Promise<string> | null = null
let workerFolder: string | null = null

afterAll(async () => {
  if (workerFolder) await rm(workerFolder, { recursive: true, force: true })
})

/** One build serves all tests of a file. */
function workerEntry(): Promise<string> {
  builtWorker ??= mkdtemp(join(tmpdir(), 'llmagentos-worker-')).then((folder) => {
    workerFolder = folder
    return buildInspectWorker(folder)
  })
  return builtWorker
}

export async function createBench({ withWorker = true, dataDir: given }: BenchOptions = {}): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'llmagentos-storage-'))
  const dataDir = given ?? join(folder, 'data')
  await mkdir(dataDir, { recursive: true })
  const entry = withWorker ? await workerEntry() : ''
  const opened: Opened[] = []
  const close = async () => {
    for (const it of [...opened]) await it.close()
  }
  return {
    folder,
    dataDir,
    workerEntry: entry,
    async open(options = {}) {
      const database = await openDatabase(join(folder, 'test.db'), storageMigrations)
      const logger = pino({ level: 'silent' })
      const startWorker = options.startWorker ?? (() => startFileWorker(entry, systemClock, logger))
      const storage = assembleStorage(
        {
          dataDir,
          database,
          clock: systemClock,
          logger,
          inspectWorkerEntry: entry,
          usersOf: options.usersOf ?? (() => []),
          mayName: options.mayName ?? (() => true),
          assertMayManage: options.assertMayManage ?? (() => undefined),
          hubUrl: () => options.hubUrl ?? 'http://127.0.0.1:9',
        },
        startWorker,
      )
      await storage.start()
      const it: Opened = {
        storage,
        database,
        async close() {
          if (!opened.includes(it)) return
          opened.splice(opened.indexOf(it), 1)
          await storage.dispose()
          await database.dispose()
        },
      }
      opened.push(it)
      return it
    },
    close,
    async dispose() {
      await close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The import once it has left `running`. */
export function settled(storage: Storage, id: string): Promise<Import> {
  return new Promise((resolve) => {
    const check = () => {
      const view = storage.getImport(id)
      if (view.state === 'running') return false
      unsubscribe()
      resolve(view)
      return true
    }
    const unsubscribe = storage.onDidChangeImports(() => void check())
    check()
  })
}

export async function importAndSettle(
  storage: Storage,
  source: string | ImportSource,
  name?: string,
): Promise<Import> {
  const given: ImportSource = typeof source === 'string' ? { kind: 'path', path: source, name } : source
  const started = await storage.startImport(given, ANNA)
  return settled(storage, started.id)
}

/** Names of the blobs on the disk, and whatever else lies where temporary files lie. */
export async function onDisk(dataDir: string): Promise<{ blobs: string[]; temporary: string[] }> {
  const root = join(dataDir, 'blobs')
  const folders = (await readdir(root)).filter((name) => name !== 'incoming')
  const blobs = (await Promise.all(folders.map((name) => readdir(join(root, name))))).flat().sort()
  return { blobs, temporary: await readdir(join(root, 'incoming')) }
}

/** A copy of a fixture that a test may change. */
export async function copyOfFixture(name: string, to: string): Promise<string> {
  await cp(join(FIXTURES, name), to, { recursive: true })
  return to
}

const LONG_MS = 600_000

/** What a collection frees, once it has ended. */
export async function collected(storage: Storage): Promise<{ removed: number; freedBytes: number }> {
  const { removed, freedBytes, error } = await storage.taskEnd(storage.gc(ANNA).id, LONG_MS)
  if (error) throw new Error(error.message)
  return { removed: removed ?? -1, freedBytes: freedBytes ?? -1 }
}

/** What a check of every digest finds, once it has ended. */
export async function checked(storage: Storage): Promise<StorageTask> {
  const task = await storage.taskEnd(storage.verify(ANNA).id, LONG_MS)
  if (task.error) throw new Error(task.error.message)
  return task
}
