import { closeSync, openSync } from 'node:fs'
import { devNull } from 'node:os'
import pino from 'pino'
import { createNvidiaWatch } from '../../core/watch-nvidia'
import { createLocalExecutor } from '../../executors/local'
import { systemClock } from '../../platform/clock'
import { askWorker } from '../../platform/processes'

/** A system that has no file descriptors left for a while, for tests: prints what comes of processes then, and after. */
async function main(workersDir: string): Promise<void> {
  const logger = pino({ level: 'silent' })
  const executor = createLocalExecutor({ clock: systemClock, logger, workersDir })
  await executor.start()
  const { signal } = new AbortController()
  const load = () =>
    executor.load(null, { threads: 1, signal }).then(
      ({ state }) => state,
      ({ code, message }) => `${code}: ${message}`,
    )
  const before = await load()

  const taken = takeAllFiles()
  const refused = load()
  const asked = askWorker({ entry: workersDir }, 1000)
  const retry = new Promise((resolve) => {
    const setTimer = () => {
      resolve('tried again')
      return () => undefined
    }
    createNvidiaWatch({ clock: { ...systemClock, setTimer }, logger }).watch(true)
  })
  const starved = [await refused, (await asked).error?.message, await retry]
  for (const file of taken) closeSync(file)

  process.stdout.write(`${JSON.stringify({ before, starved, after: await load() })}\n`)
  await executor.dispose()
}

function takeAllFiles(): number[] {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync(devNull, 'r'))
  } catch {
    return taken
  }
}

void main(process.argv[2] ?? '')
