import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unpackTar } from '../import/archive/tar'
import type { ArchiveWriter } from '../import/archive/writer'
import { tarOf, tarSize } from './tar'

const entry = fc.record({
  path: fc.oneof(
    fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,8}){0,3}$/),
    fc.stringMatching(/^[a-z]{90,200}$/),
    fc.stringMatching(/^[模型é]{1,60}$/),
  ),
  bytes: fc.uint8Array({ maxLength: 2000 }),
})

async function written(entries: { path: string; bytes: Uint8Array }[]): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  const sized = entries.map(({ path, bytes }) => ({ path, sizeBytes: bytes.length, content: () => [bytes] }))
  for await (const chunk of tarOf(sized, 1_700_000_000)) chunks.push(chunk)
  const whole = Buffer.concat(chunks)
  expect(whole.length).toBe(tarSize(sized))
  return whole
}

describe('an exported archive', () => {
  it('is read back as it was written, whatever the names and sizes', () =>
    fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 6 }), async (entries) => {
        const read: { path: string; bytes: Uint8Array }[] = []
        const writer = {
          async add(path: string, content: AsyncIterable<Uint8Array>) {
            const chunks: Uint8Array[] = []
            for await (const chunk of content) chunks.push(chunk)
            read.push({ path, bytes: new Uint8Array(Buffer.concat(chunks)) })
          },
          unsafe: (words: string) => new Error(words),
        } as unknown as ArchiveWriter
        const whole = await written(entries)
        await unpackTar(
          (async function* () {
            yield whole
          })(),
          writer,
        )
        expect(read).toEqual(entries.map(({ path, bytes }) => ({ path, bytes: new Uint8Array(bytes) })))
      }),
      { numRuns: 100 },
    ))

  it('is read by tar', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'llmagentos-tar-'))
    try {
      const entries = [
        { path: 'manifest.json', bytes: Buffer.from('{}') },
        { path: `files/${'long'.repeat(60)}/模型.bin`, bytes: Buffer.alloc(1025, 7) },
      ]
      writeFileSync(join(folder, 'version.tar'), await written(entries))
      const answer = spawnSync('tar', ['-xf', 'version.tar'], { cwd: folder, encoding: 'utf8' })
      expect(answer).toMatchObject({ status: 0, stderr: '' })
      for (const { path, bytes } of entries) expect(readFileSync(join(folder, path)).equals(bytes)).toBe(true)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('breaks off when a file is not as long as it was', async () => {
    const short = [{ path: 'a', sizeBytes: 10, content: () => [new Uint8Array(9)] }]
    const read = async () => {
      for await (const chunk of tarOf(short, 0)) expect(chunk.byteLength).toBeLessThan(2000)
    }
    await expect(read()).rejects.toThrow('10')
  })

  it('leaves no file open when its reader goes away, wherever that is', async () => {
    const content = () => Readable.from([new Uint8Array(600)])
    let goesOn = true
    for (let chunks = 1; goesOn; chunks++) {
      const opened: Readable[] = []
      const open = () => {
        const stream = content()
        opened.push(stream)
        return stream
      }
      const archive = tarOf(
        ['a', 'b', '模'].map((path) => ({ path, sizeBytes: 600, content: open })),
        0,
      )
      for (let read = 0; read < chunks; read++) goesOn = !(await archive.next()).done
      await archive.return(undefined)
      expect(opened.every(({ destroyed }) => destroyed)).toBe(true)
    }
  })
})
