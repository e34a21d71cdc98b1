import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { Scratch } from '../import/inspect'

const root = mkdtempSync(join(tmpdir(), 'llmagentos-scratch-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let serial = 0

/** A place for what is unpacked, anew each time. */
export function scratch(): Scratch {
  return { path: join(root, String(serial++)), onProgress: () => undefined }
}
