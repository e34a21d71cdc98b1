import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { diskSpace, ensurePrivateFile, syncDirectory, translateFileError, writeFileAtomic } from './files'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('writing a small file', () => {
  it('replaces it whole, readable by its owner only', async () => {
    const path = join(folder, 'owner.key')
    await writeFileAtomic(path, 'first, and longer')
    await writeFileAtomic(path, 'second')
    expect(await readFile(path, 'utf8')).toBe('second')
    if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['owner.key'])
  })

  it('leaves one whole text when many write at once', async () => {
    const path = join(folder, 'settings.json')
    const texts = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(1000 + index))
    await Promise.all(texts.map((text) => writeFileAtomic(path, text)))
    expect(texts).toContain(await readFile(path, 'utf8'))
    expect(await readdir(folder)).toEqual(['settings.json'])
  })

  it('leaves nothing when it cannot, and the old file as it was', async () => {
    const path = join(folder, 'taken')
    await mkdir(path)
    await writeFile(join(path, 'inside'), 'kept')
    await expect(writeFileAtomic(path, 'x')).rejects.toThrow()
    expect(await readdir(folder)).toEqual(['taken'])
    await expect(writeFileAtomic(join(folder, 'none', 'x'), 'x')).rejects.toThrow(/ENOENT/)
  })
})

it('reading along: a file in an open folder is for its owner only, also one that was open to all', async () => {
  const path = join(folder, 'llmagentos.db')
  ensurePrivateFile(path)
  await writeFile(path, 'kept')
  await chmod(path, 0o644)
  ensurePrivateFile(path)
  expect(await readFile(path, 'utf8')).toBe('kept')
  if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600)
})

describe('the disk', () => {
  it('tells its space', async () => {
    const { freeBytes, totalBytes } = await diskSpace(folder)
    expect(totalBytes).toBeGreaterThan(0)
    expect(freeBytes).toBeLessThanOrEqual(totalBytes)
  })

  it('that is full is an error a person can act on; others stay what they are', async () => {
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
    expect(translateFileError(full)).toMatchObject({ code: 'storage.disk_full', cause: full })
    const other = new Error('other')
    expect(translateFileError(other)).toBe(other)
    await syncDirectory(folder)
  })
})
