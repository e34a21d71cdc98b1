import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { coreMigrations, createCore } from '../../core'
import { createFakeHost, fakeCpu } from '../../core/testing/fake-host'
import { createLocalExecutor } from '../../executors/local'
import { systemClock } from '../../platform/clock'
import { openDatabase } from '../../platform/database'
import { createLogger } from '../../platform/logger'
import { createStorage, storageMigrations } from '../../storage'
import { computeMigrations, createCompute, createReplays } from '..'
import type { SchedulePolicy } from '../schedule/types'

/** What is built for it beside the runtimes' workers. */
export const REAL_WORKERS = {
  inspect: 'src/main/storage/import/inspect-worker.ts',
  replay: 'src/main/compute/predictions/replay-worker.ts',
}

/** Everything real but the machine, which always has the given cores; null: this machine as it is. */
export async function openRealSystem(
  dataDir: string,
  workersDir: string,
  cores: number | null = 2,
  policy: Partial<SchedulePolicy> = {},
) {
  await mkdir(dataDir, { recursive: true })
  const clock = systemClock
  const logger = createLogger('error')
  const database = await openDatabase(join(dataDir, 'test.db'), {
    ...coreMigrations,
    ...storageMigrations,
    ...computeMigrations,
  })
  const host = cores === null ? undefined : createFakeHost([fakeCpu(cores, 64e9)])
  const core = createCore({ database, clock, logger, host })
  core.setReservedMemory(0)
  const storage = createStorage({
    dataDir,
    database,
    clock,
    logger,
    inspectWorkerEntry: join(workersDir, 'inspect.cjs'),
    usersOf: () => [],
    mayName: () => true,
    assertMayManage: () => undefined,
    hubUrl: () => 'http://127.0.0.1:9',
  })
  const { onDidSeeGpuPrograms } = core
  const executor = createLocalExecutor({ clock, logger, workersDir, onDidSeeGpuPrograms })
  const compute = createCompute({
    core,
    storage,
    database,
    clock,
    logger,
    executor,
    replays: createReplays(join(workersDir, 'replay.cjs'), clock),
    engineIdleMs: 60_000,
    runsTogether: () => true,
    pausedDir: join(dataDir, 'paused'),
    policy,
  })
  await core.start()
  await storage.start()
  await executor.start()
  await compute.start()
  return {
    database,
    core,
    storage,
    executor,
    compute,
    async close() {
      await compute.stop(1000)
      await compute.dispose()
      await executor.dispose()
      await core.dispose()
      await storage.dispose()
      await database.dispose()
    },
  }
}
