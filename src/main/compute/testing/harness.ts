import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JobSpec, type JobSpecInput, type Outcome, type VersionBenchmark } from '../../../shared/contract'
import type { Digest, JobId, PrincipalId } from '../../../shared/domain/ids'
import { coreMigrations, createCore } from '../../core'
import { createFakeClock, type FakeClock, settle } from '../../core/testing/fake-clock'
import { copyAsKilled, createFakeDisk } from '../../core/testing/fake-disk'
import { createFakeHost, fakeCpu, fakeGpu } from '../../core/testing/fake-host'
import { openDatabase } from '../../platform/database'
import { createLogger, type Logger } from '../../platform/logger'
import { settingsMigrations } from '../../settings'
import { createStorage, type ResolvedVersion, type Storage, storageMigrations } from '../../storage'
import { computeMigrations, createCompute } from '..'
import { type Replays, replay } from '../predictions/replays'
import type { Forecast } from '../schedule/forecast'
import type { Step } from '../schedule/static/course'
import type { SchedulePolicy } from '../schedule/types'
import { createFakeExecutor } from './fake-executor'

export const ALICE = 'p-alice' as PrincipalId
export function fakeVersion(model: string, version: number): ResolvedVersion {
  return {
    model,
    version,
    alias: null,
    digest: 'd'.repeat(64) as Digest,
    format: 'onnx',
    sizeBytes: 1000,
    signature: {
      inputs: [{ name: 'x', dtype: 'float32', shape: [2] }],
      outputs: [{ name: 'x', dtype: 'float32', shape: [2] }],
    },
    metadata: {},
    files: [],
    isBare: false,
  }
}

export interface HarnessOptions {
  cores?: number
  memoryBytes?: number
  gpus?: number
  engineIdleMs?: number
  runsTogether?: boolean
  policy?: Partial<SchedulePolicy>
  clock?: FakeClock
  logger?: Logger
}

/** A folder with a database: opened, closed and opened again, as a program does. */
export async function createHarness(options: HarnessOptions = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'compute-'))
  const clock = options.clock ?? createFakeClock()
  const logger = options.logger ?? createLogger('silent')
  const versions = new Map<string, ResolvedVersion>([
    ['m@1', fakeVersion('m', 1)],
    ['m@2', fakeVersion('m', 2)],
    ['m@prod', fakeVersion('m', 1)],
    ['n@1', fakeVersion('n', 1)],
  ])

  const gpus = Array.from({ length: options.gpus ?? 0 }, (_, i) => fakeGpu(i, 8e9))
  const host = createFakeHost([fakeCpu(options.cores ?? 2, options.memoryBytes ?? 16e9), ...gpus])
  const disk = createFakeDisk(clock)

  /** Versions that their policy keeps warm, as `name@version`. */
  const warm = new Set<string>()
  const benchmarks: VersionBenchmark[] = []

  let file = join(dir, 'test.db')
  let kills = 0

  async function open() {
    const opened = await openDatabase(file, {
      ...coreMigrations,
      ...computeMigrations,
      ...storageMigrations,
      ...settingsMigrations,
    })
    const database = disk.under(opened)
    const core = createCore({ database, clock, logger, host })
    core.setReservedMemory(0)
    const real = createStorage({
      dataDir: dir,
      database,
      clock,
      logger,
      inspectWorkerEntry: '',
      usersOf: () => [],
      mayName: () => true,
      assertMayManage: () => undefined,
      hubUrl: () => 'http://127.0.0.1:9',
    })
    // Versions that a fake runtime runs need no files.
    const resolve = (reference: string) => versions.get(reference) ?? real.resolve(reference)
    const staysWarm = (name: string, version: number) => warm.has(`${name}@${version}`)
    const recordBenchmark: Storage['recordBenchmark'] = (_model, benchmark) => benchmarks.push(benchmark)
    const artifacts: Storage['artifacts'] = {
      ...real.artifacts,
      async stage(content) {
        const staged = await real.artifacts.stage(content)
        await disk.pause()
        return staged
      },
    }
    const storage: Storage = { ...real, resolve, route: resolve, staysWarm, recordBenchmark, artifacts }
    const executor = createFakeExecutor(clock)
    const compute = createCompute({
      core,
      storage,
      database,
      clock,
      logger,
      executor,
      replays: replaysHere,
      policy: options.policy ?? {},
      engineIdleMs: options.engineIdleMs ?? 60_000,
      runsTogether: () => options.runsTogether ?? true,
      pausedDir: join(dir, 'paused'),
    })
    await core.start()
    await storage.start()
    await compute.start()
    /** Ends at once: no job is stopped, and what is about to be written is. */
    async function die(): Promise<void> {
      await compute.dispose()
      await core.dispose()
      await storage.dispose()
      await database.dispose()
    }
    return {
      database,
      core,
      storage,
      executor,
      compute,
      submit: (spec: JobSpecInput, by = ALICE, signal?: AbortSignal) =>
        compute.submit(JobSpec.parse(spec), by, signal),
      die,
      /** As `kill -9` does it: what the dead process writes from now on nobody reads. */
      async kill() {
        const before = file
        file = join(dir, `killed-${++kills}.db`)
        copyAsKilled(before, file)
        await die()
        await rm(before)
      },
    }
  }

  return {
    dir,
    clock,
    host,
    disk,
    versions,
    warm,
    benchmarks,
    open,
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

/** As the thread does it, but that the clock of a test does not run on meanwhile. */
export const replaysHere: Replays = {
  forecast: async (scene) => ({
    answer: replay({ kind: 'forecast', scene }) as Map<JobId, Forecast>,
    tookMs: 0,
  }),
  outcome: async (scene, runMs) => replay({ kind: 'outcome', scene, runMs }) as Outcome,
  course: async (question) => replay({ kind: 'course', question }) as Map<string, Step>,
  dispose: () => undefined,
}

export type Harness = Awaited<ReturnType<typeof createHarness>>
export type Opened = Awaited<ReturnType<Harness['open']>>

/** Lets time pass by steps of `stepMs`, 500 at the most, until the work has come to something. */
export async function passUntil<Value>(
  clock: { advance(ms: number): Promise<void> },
  work: Promise<Value>,
  stepMs: number,
): Promise<Value> {
  let isThere = false
  work.finally(() => (isThere = true)).catch(() => undefined)
  for (let step = 0; step < 500 && !isThere; step++) {
    await clock.advance(stepMs)
    await settle()
  }
  return work
}

/** Lets commits, files and what follows from them happen until the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + 30_000
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error('It did not come to pass.')
    await settle()
  }
}
