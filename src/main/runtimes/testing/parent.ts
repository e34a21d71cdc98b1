import pino from 'pino'
import type { EngineId } from '../../../shared/domain/ids'
import { createLocalExecutor } from '../../executors/local'
import { systemClock } from '../../platform/clock'

/** A system in a process of its own, for tests that kill it: prints the pids of an idle and of a hanging worker. */
async function main(workersDir: string): Promise<void> {
  const executor = createLocalExecutor({ clock: systemClock, logger: pino({ level: 'silent' }), workersDir })
  await executor.start()
  const { signal } = new AbortController()
  const [idle, hanging] = await Promise.all([
    executor.load(null, { threads: 1, signal }),
    executor.load(null, { threads: 1, signal }),
  ])
  const hooks = {
    signal,
    onProgress: () => undefined,
    onItems: async () => undefined,
    onLog: () => undefined,
  }
  const run = { kind: 'synthetic', durationMs: 0, busy: false, fail: 'hang' } as const
  void executor.run(hanging.id as EngineId, run, hooks)
  process.stdout.write(`${JSON.stringify({ idle: idle.pid, hanging: hanging.pid })}\n`)
}

void main(process.argv[2] ?? '')
