import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, expect, it } from 'vitest'

const RUNNER = 1000
const tools = {
  'dpkg-query': '',
  'apt-cache': 'shift; for name; do printf "%s:\\n  Candidate: 1\\n" "$name"; done',
  'apt-get': '',
}
const folder = mkdtempSync(join(tmpdir(), 'prepare-'))
afterEach(() => rmSync(folder, { recursive: true }))

/** A checkout of somebody's, on a Debian that has none of the libraries and can install them all. */
function checkoutOf(uid: number): string {
  const checkout = join(folder, 'checkout')
  const bin = join(folder, 'bin')
  for (const made of [checkout, bin]) mkdirSync(made)
  cpSync(import.meta.dirname, join(checkout, 'build'), { recursive: true })
  for (const [name, script] of Object.entries(tools)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  chmodSync(folder, 0o755)
  chownSync(checkout, uid, uid)
  return checkout
}

function prepareAs(uid: number, checkout: string) {
  const env = { ...process.env, PATH: [join(folder, 'bin'), process.env['PATH']].join(delimiter) }
  const args = [join(checkout, 'build', 'prepare.mjs'), 'system']
  return spawnSync(process.execPath, args, { uid, gid: uid, env, encoding: 'utf8' })
}

it.skipIf(process.getuid?.() !== 0)(
  'after sudo has prepared the system, the owner of the checkout prepares the rest',
  () => {
    const checkout = checkoutOf(RUNNER)
    expect(prepareAs(0, checkout)).toMatchObject({ status: 0 })
    expect(statSync(join(checkout, '.cache')).uid).toBe(RUNNER)
    // It has taken the lock: what it asks for is what only root can do.
    expect(prepareAs(RUNNER, checkout).stderr).toContain('sudo apt-get install')
  },
)
