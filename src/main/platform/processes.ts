import { type ChildProcess, spawn } from 'node:child_process'

export interface WorkerProcessOptions {
  /** A built CommonJS file. */
  entry: string
  env?: Record<string, string>
  args?: string[]
  /** Arguments for Node itself, such as `--max-old-space-size=256`. */
  nodeArgs?: string[]
}

/**
 * Starts a worker: plain Node from this very executable, also inside Electron (`ELECTRON_RUN_AS_NODE`), so that one way
 * serves the desktop, `serve` and the tests. It gets nothing of our environment but what a program needs to run.
 * Its stdin is a pipe that closes when this process dies: a worker ends when its stdin ends.
 */
export function spawnWorker(options: WorkerProcessOptions): ChildProcess {
  const keep = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'LD_LIBRARY_PATH']
  const env: Record<string, string> = { ELECTRON_RUN_AS_NODE: '1' }
  for (const name of keep) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  return spawn(process.execPath, [...(options.nodeArgs ?? []), options.entry, ...(options.args ?? [])], {
    env: { ...env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  })
}
