import { Worker } from 'node:worker_threads'

const MIB = 1024 * 1024
const LOOK_MS = 25
/** What parsing may add to the memory of the process; its JavaScript heap alone is bounded by V8. */
export const MOST_MEMORY_MIB = 256
/** Of a table: a row has up to 64 MiB, and is held as bytes, as text and as numbers. */
export const MOST_TABLE_MEMORY_MIB = 768
/** Of CPU time, not of the clock: a sound file on a slow disk, or on a busy machine, is not made to do harm. */
const CPU_MS = 5_000
const CPU_MS_PER_MIB = 30
const CPU_MS_PER_FILE = 2
/** No reader looks at more of one file. */
const MOST_READ_BYTES = 1024 * MIB

// A thread of its own looks also while the parser is in a loop, and says why before it ends the process.
const WATCH = `
  const { workerData: limits } = require('node:worker_threads')
  const { writeSync } = require('node:fs')
  setInterval(() => {
    const { user, system } = process.cpuUsage()
    const isCpu = (user + system) / 1000 > limits[0]
    if (!isCpu && process.memoryUsage.rss() <= limits[1]) return
    try {
      writeSync(1, JSON.stringify({ type: 'exceeded', what: isCpu ? 'cpu' : 'memory' }) + '\\n')
    } finally {
      process.kill(process.pid, 'SIGKILL')
    }
  }, ${LOOK_MS})`

/** Ends this process when what it parses costs more than any real model does. */
export class Watchdog {
  /** CPU milliseconds and resident bytes of the process that are too much; shared with the thread. */
  readonly #limits = new Float64Array(new SharedArrayBuffer(16)).fill(Number.POSITIVE_INFINITY)

  constructor() {
    const resourceLimits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 }
    const thread = new Worker(WATCH, { eval: true, workerData: this.#limits, resourceLimits })
    // Better no answer than one that nothing watches over.
    thread.on('error', (error) => {
      throw error
    })
    thread.unref()
  }

  begin(mostMemoryMib = MOST_MEMORY_MIB): void {
    // Each in one step: the thread may look between any two.
    this.#limits[1] = process.memoryUsage.rss() + mostMemoryMib * MIB
    this.#limits[0] = usedMs() + CPU_MS
  }

  /** A part is done: the next one may take as long. A table is as long as it is. */
  renew(): void {
    this.#limits[0] = Math.max(this.#limits[0] ?? 0, usedMs() + CPU_MS)
  }

  /** A file is looked at: its bytes may take their time. */
  allow(sizeBytes: number): void {
    const readBytes = Math.min(sizeBytes, MOST_READ_BYTES)
    this.#limits[0] = (this.#limits[0] ?? 0) + CPU_MS_PER_FILE + (readBytes / MIB) * CPU_MS_PER_MIB
  }

  end(): void {
    this.#limits.fill(Number.POSITIVE_INFINITY)
  }
}

/** CPU time of this process. */
function usedMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
