import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ArchiveWriter } from './import/archive/writer'
import { receive } from './import/receive'

const MIB = 1024 * 1024
/** By the size of a file in MiB: how often it is synced until it is closed. */
const SYNCS = [
  [0.5, 0],
  [2, 1],
  [16, 1],
  [17, 1],
  [18, 2],
] as const

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flushing-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

async function syncs() {
  const handle = await open(join(folder, 'any'), 'w')
  await handle.close()
  return vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'datasync')
}

it.each(SYNCS)('an upload of %d MiB is synced %d times', async (mebibytes, times) => {
  const synced = await syncs()
  async function* files() {
    yield { path: 'a', content: Readable.from([Buffer.alloc(mebibytes * MIB)]) }
  }
  const hooks = { onFile: () => undefined, onProgress: () => undefined }
  await receive(files(), join(folder, 'to'), AbortSignal.timeout(20_000), hooks)
  expect(synced).toHaveBeenCalledTimes(times)
})

it.each(SYNCS)('an entry of %d MiB of an archive is synced %d times', async (mebibytes, times) => {
  const synced = await syncs()
  const writer = new ArchiveWriter(folder, 'a.zip', 100 * MIB, () => undefined)
  await writer.add('a', Readable.from([Buffer.alloc(mebibytes * MIB)]), null, null)
  expect(synced).toHaveBeenCalledTimes(times)
})
