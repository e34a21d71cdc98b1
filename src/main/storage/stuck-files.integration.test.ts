import { spawnSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Bench, checked, collected, createBench, importAndSettle, onDisk } from './testing/harness'
import { inProcessWorker } from './testing/in-process-worker'
import { model } from './testing/onnx-builder'

const STUCK = 'ab'.repeat(32)
const GARBAGE = 'abcd'.repeat(16)

let bench: Bench
let held: string[]
beforeEach(async () => {
  bench = await createBench({ withWorker: false })
  held = []
})
afterEach(async () => {
  for (const path of held) spawnSync('chattr', ['-i', path])
  await bench.dispose()
})

const opened = () => bench.open({ startWorker: inProcessWorker })

async function garbage(path: string): Promise<string> {
  const at = join(bench.dataDir, path)
  await mkdir(join(at, '..'), { recursive: true })
  await writeFile(at, 'garbage')
  return at
}

/** Not even the owner of the machine removes it. @returns whether that can be done here */
function hold(path: string): boolean {
  held.push(path)
  return spawnSync('chattr', ['+i', path]).status === 0
}

describe.runIf(process.platform === 'linux')('a file that cannot be looked at', () => {
  it('keeps neither the program from starting nor other files from being freed', async () => {
    await garbage(`blobs/ab/${GARBAGE}`)
    await symlink(STUCK, join(bench.dataDir, 'blobs/ab', STUCK))
    await mkdir(join(bench.dataDir, 'downloads'))
    await symlink('nowhere', join(bench.dataDir, 'downloads', 'gone'))
    const { storage } = await opened()
    expect(await collected(storage)).toEqual({ removed: 1, freedBytes: 7 })
  })

  it('is missing for a check of the store', async () => {
    const { storage } = await opened()
    const path = join(bench.folder, 'net.onnx')
    await writeFile(path, model({}))
    await importAndSettle(storage, path)
    const [file] = storage.resolve('net@1').files
    const at = file?.absolutePath ?? ''
    spawnSync('rm', ['-f', at])
    await symlink(at, at)
    expect(await checked(storage)).toMatchObject({ damaged: [], missing: [file?.digest] })
  })
})

describe('a file that cannot be removed', () => {
  it('keeps neither the program from starting nor other files from being removed', async (context) => {
    const stuck = [await garbage('blobs/incoming/1-1/0'), await garbage(`blobs/ab/${STUCK}`)]
    await garbage('blobs/incoming/2-1')
    await garbage(`blobs/ab/${GARBAGE}`)
    context.skip(!stuck.every(hold), 'files cannot be held here: it takes root on a file system of Linux')
    const { storage } = await opened()
    expect(await collected(storage)).toEqual({ removed: 1, freedBytes: 7 })
    expect(await onDisk(bench.dataDir)).toEqual({ blobs: [STUCK], temporary: ['1-1'] })
  })
})
