import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Digest } from '../../shared/domain/ids'
import { BlobStore } from './blobs'

const logger = pino({ level: 'silent' })

let folder: string
let blobs: BlobStore

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmagentos-blobs-'))
  blobs = new BlobStore(folder, logger)
  await blobs.open()
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const HELLO = Buffer.from('hello')
const HELLO_DIGEST = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824' as Digest
const unnamed = () => false

describe('BlobStore', () => {
  it('stores bytes under their SHA-256, once, read-only', async () => {
    const [first, second] = await Promise.all([blobs.put([HELLO]), blobs.put([HELLO])])
    expect([first.digest, second.digest]).toEqual([HELLO_DIGEST, HELLO_DIGEST])
    const path = join(folder, '2c', HELLO_DIGEST)
    expect(blobs.pathOf(HELLO_DIGEST)).toBe(path)
    expect(await readFile(path)).toEqual(HELLO)
    expect((await stat(path)).mode & 0o222).toBe(0)
    expect(await readdir(join(folder, 'incoming'))).toEqual([])
  })

  it('counts again only what has changed', async () => {
    await blobs.put([HELLO])
    expect(await blobs.count()).toEqual({ blobs: 1, blobBytes: 5 })
    const { digest, release } = await blobs.put([Buffer.alloc(100)])
    expect(await blobs.count()).toEqual({ blobs: 2, blobBytes: 105 })
    release()
    await blobs.remove(digest, unnamed)
    expect(await blobs.count()).toEqual({ blobs: 1, blobBytes: 5 })
  })

  it('removes only what is neither pinned nor named', async () => {
    const { digest, release } = await blobs.put([HELLO])
    const again = blobs.pin(digest)
    expect(await blobs.remove(digest, unnamed)).toBeNull()
    release()
    release()
    expect(await blobs.remove(digest, unnamed)).toBeNull()
    again()
    expect(await blobs.remove(digest, () => true)).toBeNull()
    expect(await blobs.remove(digest, unnamed)).toBe(5)
    expect(await blobs.remove(digest, unnamed)).toBeNull()
  })

  it('keeps bytes that come in at the very moment they are being removed', async () => {
    for (let round = 0; round < 100; round++) {
      const first = await blobs.put([HELLO])
      first.release()
      let coming: ReturnType<BlobStore['put']> | undefined
      await blobs.remove(HELLO_DIGEST, () => {
        // The collection has just seen that nothing needs them.
        coming = blobs.put([HELLO])
        return false
      })
      const second = await coming
      expect(await blobs.has(HELLO_DIGEST)).toBe(true)
      second?.release()
    }
  })

  it('is not there for one who pins it in the middle of its removal', async () => {
    let answer: Promise<boolean> | undefined
    const { digest, release } = await blobs.put([HELLO])
    release()
    const removed = blobs.remove(digest, (digest) => {
      blobs.pin(digest)
      answer = blobs.has(digest)
      return false
    })
    // It lost its pin's race: it goes, and who asked must not read it.
    expect([await removed, await answer]).toEqual([5, false])
  })

  it('replaces a blob that is damaged', async () => {
    await mkdir(join(folder, '2c'))
    await writeFile(join(folder, '2c', HELLO_DIGEST), 'hell')
    await blobs.put([HELLO])
    expect(await readFile(blobs.pathOf(HELLO_DIGEST))).toEqual(HELLO)
    await rm(blobs.pathOf(HELLO_DIGEST), { force: true })
    await writeFile(blobs.pathOf(HELLO_DIGEST), 'HELLO')
    await blobs.markDamaged(HELLO_DIGEST)
    await blobs.put([HELLO])
    expect(await readFile(blobs.pathOf(HELLO_DIGEST))).toEqual(HELLO)
  })

  it('knows after a restart which blob is damaged', async () => {
    const { release } = await blobs.put([HELLO])
    release()
    await rm(blobs.pathOf(HELLO_DIGEST), { force: true })
    await writeFile(blobs.pathOf(HELLO_DIGEST), 'HELLO', { mode: 0o444 })
    await blobs.markDamaged(HELLO_DIGEST)
    const restarted = new BlobStore(folder, logger)
    await restarted.open()
    await restarted.put([HELLO])
    expect(await readFile(blobs.pathOf(HELLO_DIGEST))).toEqual(HELLO)
    expect((await stat(blobs.pathOf(HELLO_DIGEST))).mode & 0o222).toBe(0)
  })

  it('takes good bytes also where nobody knows that those here are damaged', async () => {
    await blobs.put([HELLO])
    const release = blobs.pin(HELLO_DIGEST)
    await rm(blobs.pathOf(HELLO_DIGEST), { force: true })
    await writeFile(blobs.pathOf(HELLO_DIGEST), 'HELLO')
    const copy = await blobs.temporary()
    await writeFile(copy.path, HELLO)
    await blobs.adopt(copy.path, HELLO_DIGEST, HELLO.length)
    expect(await readFile(blobs.pathOf(HELLO_DIGEST))).toEqual(HELLO)
    expect(await readdir(join(folder, 'incoming'))).toEqual([])
    release()
  })

  it('forgets temporary files of an earlier process, and none that is being written', async () => {
    await mkdir(join(folder, 'incoming', '1-7'))
    await writeFile(join(folder, 'incoming', '1-7', '0'), 'half')
    await writeFile(join(folder, 'incoming', '1-8'), 'half')
    const mine = await blobs.temporary()
    await writeFile(mine.path, 'mine')
    await blobs.removeStaleTemporaries()
    expect(await readdir(join(folder, 'incoming'))).toHaveLength(1)
    await mine.discard()
    expect(await readdir(join(folder, 'incoming'))).toEqual([])
  })
})
