import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Scratch } from '../import/inspect'

/** A place for what a test unpacks, anew each time. */
export function scratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'llmagentos-scratch-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return { path: join(folder, 'unpacked'), onProgress: () => undefined }
}
