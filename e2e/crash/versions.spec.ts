import { createHash, randomFillSync } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { Serve } from '../support/serve'
import { safetensors } from './sources'

// `npm run test:crash -- --versions` sets these: 40 of 100 MB.
const VERSIONS = Number(process.env['CRASH_VERSIONS'] ?? 8)
const FILE_BYTES = Number(process.env['CRASH_VERSION_BYTES'] ?? 4_000_000)
const CHANGED_BYTES = FILE_BYTES / 100

async function sha256Of(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of content) hash.update(piece)
  return hash.digest('hex')
}

test(`${VERSIONS} versions of ${FILE_BYTES / 1e6} MB that differ in a hundredth are all exact after a crash`, async () => {
  test.setTimeout(60_000 + VERSIONS * 30_000)
  const folder = await mkdtemp(join(tmpdir(), 'llmagentos-versions-'))
  const path = join(folder, 'weights.safetensors')
  const serve = await Serve.start()
  try {
    const content = safetensors(randomFillSync(Buffer.alloc(FILE_BYTES)))
    const first = content.length - FILE_BYTES
    await writeFile(path, content)
    const digests: string[] = []
    for (let index = 0; index < VERSIONS; index++) {
      const at = first + Math.floor(Math.random() * (FILE_BYTES - CHANGED_BYTES))
      const file = await open(path, 'r+')
      await file.write(randomFillSync(Buffer.alloc(CHANGED_BYTES)), 0, CHANGED_BYTES, at)
      await file.close()
      digests.push(await sha256Of(createReadStream(path)))
      expect((await serve.import(path, 'weights')).version).toBe(index + 1)
    }
    await serve.kill()
    await serve.restart()
    for (const [index, digest] of digests.entries()) {
      const { body } = await serve.call('GET', `/models/weights/versions/${index + 1}`)
      expect(body.digest).toBe(digest)
      const { body: content } = await fetch(
        `${serve.url}/api/models/weights/versions/${index + 1}/files/${body.files[0].path}`,
        { headers: { authorization: `Bearer ${serve.ownerKey}` } },
      )
      if (!content) throw new Error('no bytes came')
      expect(await sha256Of(content), `version ${index + 1}`).toBe(digest)
    }
    expect((await serve.call('GET', '/storage')).body.blobs).toBe(VERSIONS)
  } finally {
    await serve.dispose()
    await rm(folder, { recursive: true, force: true })
  }
})
