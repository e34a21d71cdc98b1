import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Clock } from '../platform/clock'
import type { Logger } from '../platform/logger'
import { type GpuRow, NVIDIA_SAMPLE, parseNvidiaRow } from './detect/nvidia'

const STALE_MS = 5000
const FIRST_RETRY_MS = 2000
const LONGEST_RETRY_MS = 5 * 60_000

/** Keeps one `nvidia-smi -l 1` running while there is a GPU to watch: starting it anew costs far more than its reports. */
export function createNvidiaWatch(
  { clock, logger }: { clock: Clock; logger: Logger },
  command = 'nvidia-smi',
) {
  const rows = new Map<string, { at: number; row: GpuRow }>()
  let child: ChildProcess | null = null
  let cancelRetry: (() => void) | null = null
  let retryMs = FIRST_RETRY_MS

  function start(): void {
    cancelRetry = null
    try {
      follow(
        spawn(command, [...NVIDIA_SAMPLE, '-l', '1'], {
          stdio: ['ignore', 'pipe', 'ignore'],
          windowsHide: true,
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
    createInterface({ input: started.stdout }).on('line', (line) => {
      const row = parseNvidiaRow(line)
      if (!row) return
      rows.set(row.address, { at: clock.now(), row })
      retryMs = FIRST_RETRY_MS
    })
  }

  function retry(why: unknown): void {
    child = null
    logger.warn({ why, retryMs }, 'nvidia-smi stopped reporting; it is started again.')
    cancelRetry = clock.setTimer(retryMs, start)
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
  }

  return {
    /** Starts or stops; to be called as often as one likes. */
    watch(wanted: boolean): void {
      if (wanted && !child && !cancelRetry) start()
      if (wanted) return
      cancelRetry?.()
      cancelRetry = null
      const running = child
      child = null
      running?.kill('SIGKILL')
      rows.clear()
    },
    /** The newest report of a GPU; null when there is none that is recent. */
    row(address: string): GpuRow | null {
      const entry = rows.get(address)
      return entry && clock.now() - entry.at <= STALE_MS ? entry.row : null
    },
  }
}
