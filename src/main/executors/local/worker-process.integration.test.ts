import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { processGone } from '../../runtimes/testing/fixtures'
import { WorkerProcess } from './worker-process'

/** Leaves one that holds its streams, out of reach of its process group. */
const LEAVES_A_CHILD = `
const { spawn } = require('node:child_process')
const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20000)'], { detached: true, stdio: 'inherit' })
process.stdout.write(child.pid + '\\n', () => process.exit(0))`

it.runIf(process.platform !== 'win32')(
  'a worker that is gone has no process id, which another may have by now, also before its last words are read',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'worker-'))
    try {
      const entry = join(folder, 'worker.cjs')
      await writeFile(entry, LEAVES_A_CHILD)
      let child = 0
      const worker = new WorkerProcess({ entry }, (_, line) => {
        child = Number(line)
      })
      const pid = worker.pid ?? 0
      // Process 0 would be the group of the tests themselves.
      expect(pid).toBeGreaterThan(0)
      const seen: (number | null)[] = []
      const looking = setInterval(() => {
        try {
          process.kill(pid, 0)
        } catch {
          seen.push(worker.pid)
        }
      }, 5)
      await processGone(pid)
      await worker.ended
      clearInterval(looking)
      expect(child).toBeGreaterThan(0)
      process.kill(child, 'SIGKILL')
      expect(seen.length).toBeGreaterThan(0)
      expect(new Set(seen)).toEqual(new Set([null]))
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)
