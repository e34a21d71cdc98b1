import { LineSplitter } from '../../platform/lines'
import { spawnWorker, type WorkerChild, type WorkerProcessOptions } from '../../platform/processes'

const LAST_WORDS = 5

export interface WorkerEnd {
  code: number | null
  signal: NodeJS.Signals | null
  /** The last lines of stderr. */
  lastWords: string[]
  /** Why it could not be started. */
  error: Error | null
}

/** A worker's process: what it says line by line, and how it ended. */
export class WorkerProcess {
  /** Resolves once, when the process is gone and its last words are read. */
  readonly ended: Promise<WorkerEnd>
  readonly #child: WorkerChild
  readonly #out: LineSplitter
  readonly #err: LineSplitter
  readonly #lastWords: string[] = []

  constructor(options: WorkerProcessOptions, onLine: (level: 'info' | 'warn', line: string) => void) {
    this.#child = spawnWorker(options)
    this.#out = new LineSplitter((line) => onLine('info', line))
    this.#err = new LineSplitter((line) => {
      this.#lastWords.push(line)
      if (this.#lastWords.length > LAST_WORDS) this.#lastWords.shift()
      onLine('warn', line)
    })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#out.push(text))
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => this.#err.push(text))
    this.ended = new Promise((resolve) => {
      const settle = (error: Error | null) => {
        this.#out.end()
        this.#err.end()
        const { exitCode, signalCode } = this.#child
        resolve({ code: exitCode, signal: signalCode, lastWords: this.#lastWords, error })
      }
      this.#child.on('error', (error) => {
        // Also said when a signal cannot be sent; only a process that never was has no pid.
        if (this.#child.pid === undefined) settle(error)
      })
      this.#child.on('close', () => settle(null))
    })
  }

  /** Null once it is gone: the system may give its id to another. */
  get pid(): number | null {
    const { pid, exitCode, signalCode } = this.#child
    return exitCode === null && signalCode === null ? (pid ?? null) : null
  }

  /** What it has said until now, whole lines or not, is of no concern to whom it works for next. */
  endWords(): void {
    this.#out.end()
    this.#err.end()
    this.#lastWords.length = 0
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
