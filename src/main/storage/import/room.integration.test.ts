import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { diskSpace } from '../../platform/files'
import { ANNA, type Bench, createBench, onDisk, settled } from '../testing/harness'
import { inProcessWorker } from '../testing/in-process-worker'

const MIB = 1024 * 1024

let bench: Bench
let mounted = false
beforeEach(async () => {
  bench = await createBench({ withWorker: false })
  mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'tmpfs', bench.dataDir]).status === 0
})
afterEach(async () => {
  await bench.close()
  if (mounted) spawnSync('umount', [bench.dataDir])
  await bench.dispose()
})

it('an upload of unknown length ends before the disk is full, and leaves nothing', async (context) => {
  context.skip(!mounted, 'a small disk cannot be mounted here: it takes root on Linux')
  const { storage } = await bench.open({ startWorker: inProcessWorker })
  let leastBytes = Number.POSITIVE_INFINITY
  async function* endless() {
    for (;;) {
      yield Buffer.alloc(MIB, 'x')
      leastBytes = Math.min(leastBytes, (await diskSpace(bench.dataDir)).freeBytes)
    }
  }
  async function* files() {
    yield { path: 'net.gguf', content: Readable.from(endless()) }
  }
  const { id } = await storage.startImport({ kind: 'upload', bytesTotal: 0, files: files() }, ANNA)
  expect(await settled(storage, id)).toMatchObject({
    state: 'failed',
    error: { code: 'storage.disk_full', details: { freeBytes: expect.any(Number) } },
  })
  expect(leastBytes).toBeGreaterThan(16 * MIB)
  expect(await onDisk(bench.dataDir)).toEqual({ blobs: [], temporary: [] })
})

it('an upload that fits is taken whole, though less room is left than is asked for of one without end', async (context) => {
  context.skip(!mounted, 'a small disk cannot be mounted here: it takes root on Linux')
  const { storage } = await bench.open({ startWorker: inProcessWorker })
  // When the disk is asked for the last time, after 80 MiB, there is room for what is to come, and not for 16 MiB.
  await writeFile(join(bench.dataDir, 'other'), Buffer.alloc(8 * MIB))
  const mebibytes = Math.floor((await diskSpace(bench.dataDir)).freeBytes / MIB) - 33
  async function* files() {
    const pieces = Array.from({ length: mebibytes }, () => Buffer.alloc(MIB, 'x'))
    yield { path: 'net.gguf', content: Readable.from(pieces) }
  }
  const upload = { kind: 'upload' as const, bytesTotal: mebibytes * MIB, files: files() }
  const { id } = await storage.startImport(upload, ANNA)
  // Its content is refused, which is looked at when all of it has come.
  expect(await settled(storage, id)).toMatchObject({ state: 'rejected', error: null })
})
