import pino from 'pino'
import { systemClock } from '../../../platform/clock'
import { buildWorkers } from '../../../runtimes/testing/build-workers'
import { createLocalExecutor, type LocalExecutor } from '..'

/** The executor with real workers in processes of their own. @param replaced as for `buildWorkers` */
export async function startExecutor(...replaced: Parameters<typeof buildWorkers>): Promise<{
  executor: LocalExecutor
  workersDir: string
  /** Ends its workers and removes what was built for it. */
  end(): Promise<void>
}> {
  const workers = await buildWorkers(...replaced)
  const executor = createLocalExecutor({
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    workersDir: workers.dir,
  })
  await executor.start()
  await executor.refreshRuntimes()
  return {
    executor,
    workersDir: workers.dir,
    async end() {
      await executor.dispose()
      await workers.dispose()
    },
  }
}
