import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { claim } from './lock'

const folder = mkdtempSync(join(tmpdir(), 'lock-'))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('another process holds it until it is killed', async () => {
  const file = join(folder, 'lock')
  const program = `const S=require('libsql');const s=new S(${JSON.stringify(file)});s.exec('BEGIN EXCLUSIVE');console.log('held');setInterval(()=>{},1000)`
  const other = spawn(process.execPath, ['-e', program], {
    cwd: process.cwd(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(other.stdout, 'data')
  expect(() => claim(file)).toThrowError(/already runs/)
  other.kill('SIGKILL')
  await once(other, 'exit')
  const mine = claim(file)
  await mine.dispose()
  await claim(file).dispose()
})
