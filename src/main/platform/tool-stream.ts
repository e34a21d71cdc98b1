import { type ChildProcess, spawn } from 'node:child_process'
import type { Clock } from './clock'
import { LineSplitter } from './lines'
import type { Logger } from './logger'

const FIRST_RETRY_MS = 2000
const LONGEST_RETRY_MS = 5 * 60_000
/** One that reports each second and has said nothing for so long hangs. */
const SILENT_MS = 30_000

export interface ToolStream {
  /** Starts or stops it; to be called every now and then. */
  run(wanted: boolean): void
}

/**
 * A tool that reports until it is ended, line by line: starting it anew costs far more than its reports. It is
 * started again when it ends or hangs, after longer and longer pauses while it says nothing useful.
 * @param onLine whether the line was one of its reports
 */
export function createToolStream(
  { clock, logger }: { clock: Clock; logger: Logger },
  command: string,
  args: readonly string[],
  onLine: (line: string) => boolean,
): ToolStream {
  let child: ChildProcess | null = null
  let cancelRetry: (() => void) | null = null
  let retryMs = FIRST_RETRY_MS
  let heardAt = 0

  function start(): void {
    cancelRetry = null
    heardAt = clock.now()
    try {
      follow(
        spawn(command, [...args], {
          stdio: ['ignore', 'pipe', 'ignore'],
          windowsHide: true,
          // A translated tool prints words that no parser knows.
          env: { ...process.env, LC_ALL: 'C' },
        }),
      )
    } catch (error) {
      // There is no memory for another process, for one.
      retry(error)
    }
  }

  function follow(started: ChildProcess): void {
    child = started
    // A command that cannot be started says `error` and never `exit`; a program that ends may say both.
    const onEnd = (why: unknown) => {
      if (child === started) retry(why)
    }
    started.on('error', onEnd)
    started.on('exit', onEnd)
    // Without file descriptors left it has no streams, and says `error` soon.
    if (!started.stdout) return
    const lines = new LineSplitter((line) => {
      if (child !== started || !onLine(line)) return
      retryMs = FIRST_RETRY_MS
      heardAt = clock.now()
    })
    started.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(text))
  }

  function retry(why: unknown): void {
    child = null
    logger.warn({ why, command, args, retryMs }, 'A tool stopped reporting; it is started again.')
    cancelRetry = clock.setTimer(retryMs, start)
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
  }

  return {
    run(wanted) {
      if (wanted && !child && !cancelRetry) start()
      // Its end has it started again.
      if (wanted && clock.now() - heardAt > SILENT_MS) child?.kill('SIGKILL')
      if (wanted) return
      cancelRetry?.()
      cancelRetry = null
      const running = child
      child = null
      running?.kill('SIGKILL')
    },
  }
}
