import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'

/** What a worker runs under when it is not this very executable as plain Node: a newer Node, a Python, a sandbox. */
export interface Program {
  /** An absolute path. */
  file: string
  /** Before the worker's own file. */
  args: readonly string[]
  /** All it gets beside the variables of the protocol; absent: what a program needs to run at all. */
  env?: Readonly<Record<string, string>>
  /** It runs where no other process can be seen, and ends with this one by itself. */
  hidesProcesses?: boolean
}

export interface WorkerProcessOptions {
  /** The worker's own file; without `program` a built CommonJS file. */
  entry: string
  program?: Program | null
  env?: Record<string, string>
  args?: string[]
  /** Arguments for Node itself, such as `--max-old-space-size=256`. */
  nodeArgs?: string[]
}

/** A worker with all three of its streams as pipes. */
export type WorkerChild = ChildProcessByStdio<Writable, Readable, Readable>

/** What a program needs to run at all; keys, tokens and whatever else our environment holds stay here. */
const KEPT = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'SystemRoot',
  'SystemDrive',
  'USERPROFILE',
  'LOCALAPPDATA',
  'NUMBER_OF_PROCESSORS',
  'PROCESSOR_ARCHITECTURE',
]

/** On POSIX a worker leads a process group of its own: what it has started ends with it, and Ctrl+C is for this process alone. */
const HAS_GROUPS = process.platform !== 'win32'
/** A process that ended may have left its streams to another one, which may live long. */
const STREAMS_MS = 500

/**
 * Libraries report to their makers unless they are told not to, ONNX Runtime from 1.30 on also on Linux and macOS. Nothing
 * leaves this machine unasked.
 */
const NO_REPORTS = { ORT_DISABLE_TELEMETRY: '1', DO_NOT_TRACK: '1' }

/**
 * Starts a worker: without a program of its own, plain Node from this very executable, also inside Electron
 * (`ELECTRON_RUN_AS_NODE`), so that one way serves the desktop, `serve` and the tests. It gets nothing of our environment but what a program needs to run.
 * Its stdin is a pipe that closes when this process dies: a worker ends when its stdin ends. What it has started ends with it,
 * but for what has left its process group. It says `close` soon after `exit`, whoever else still holds its streams.
 * @throws Error when it is known at once that it cannot be started; what is known later is said by `error`
 */
export function spawnWorker(options: WorkerProcessOptions): WorkerChild {
  const program = options.program ?? thisNode(options.nodeArgs)
  const child = spawn(program.file, [...program.args, options.entry, ...(options.args ?? [])], {
    env: { ...(program.env ?? keptEnvironment()), ...NO_REPORTS, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
    detached: HAS_GROUPS,
  })
  // Without file descriptors left Node returns a process that has no streams, and says why only later.
  if (!child.stdin) {
    child.on('error', () => undefined)
    throw new Error('Too many files are open.')
  }
  // A worker that dies while it is written to breaks the pipe; its end is reported by `exit`, so this says nothing new.
  child.stdin.on('error', () => child.stdin.destroy())
  child.on('exit', () => {
    if (HAS_GROUPS && child.pid !== undefined) killGroup(child.pid)
    // When this process was busy all the while, its end is seen before its words are: they are read in the turn that follows.
    setTimeout(() => setImmediate(() => closeStreams(child)), STREAMS_MS).unref()
  })
  return child
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}

function closeStreams({ stdout, stderr }: WorkerChild): void {
  stdout.destroy()
  stderr.destroy()
}

function thisNode(args: readonly string[] = []): Program {
  return { file: process.execPath, args, env: { ...keptEnvironment(), ELECTRON_RUN_AS_NODE: '1' } }
}

function keptEnvironment(): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of KEPT) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  return env
}

export interface WorkerAnswer {
  /** The first 64 KiB of each. */
  stdout: string
  stderr: string
  code: number | null
  signal: NodeJS.Signals | null
  timedOut: boolean
  /** Why it could not be started at all. */
  error: Error | null
}

const ANSWER_BYTES = 65_536

/** Starts a worker that answers on stdout and ends by itself; after `timeoutMs`, or on abort, it is killed. Never rejects. */
export function askWorker(
  options: WorkerProcessOptions,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<WorkerAnswer> {
  return new Promise((resolve) => {
    const answer: WorkerAnswer = {
      stdout: '',
      stderr: '',
      code: null,
      signal: null,
      timedOut: false,
      error: null,
    }
    let child: WorkerChild
    try {
      child = spawnWorker(options)
    } catch (error) {
      resolve({ ...answer, error: error as Error })
      return
    }
    const timer = setTimeout(() => {
      answer.timedOut = true
      child.kill('SIGKILL')
    }, timeoutMs)
    const onAbort = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        answer[name] = (answer[name] + text).slice(0, ANSWER_BYTES)
      })
    }
    const settle = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      resolve(answer)
    }
    child.on('error', (error) => {
      answer.error = error
      settle()
    })
    child.on('close', (code, signal) => {
      answer.code = code
      answer.signal = signal
      settle()
    })
  })
}
