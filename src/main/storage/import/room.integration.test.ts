import { spawnSync } from 'node:child_process'
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
