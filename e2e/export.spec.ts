import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { fixtures, Serve } from './support/serve'

test('a version is exported as one file, and is the same version on another machine', async () => {
  const here = await Serve.start()
  const there = await Serve.start()
  try {
    const folder = await mkdtemp(join(tmpdir(), 'llmagentos-export-'))
    await here.import(join(fixtures, 'basic-pitch'), 'pitch')
    await here.call('PATCH', '/models/pitch', { family: 'audio' })
    await here.call('PATCH', '/models/pitch/versions/1', { notes: 'Hears notes.', tags: ['music'] })
    const archive = await fetch(`${here.url}/api/models/pitch/versions/1/archive`, {
      headers: { authorization: `Bearer ${here.ownerKey}` },
    })
    expect(archive.headers.get('content-disposition')).toContain('pitch-1.tar')
    const bytes = Buffer.from(await archive.arrayBuffer())
    expect(bytes.length).toBe(Number(archive.headers.get('content-length')))
    const path = join(folder, 'something-else.tar')
    await writeFile(path, bytes)

    expect(await there.import(path)).toMatchObject({ state: 'completed', model: 'pitch', version: 1 })
    const [original, copy] = await Promise.all(
      [here, there].map(async (serve) => (await serve.call('GET', '/models/pitch/versions/1')).body),
    )
    for (const field of ['digest', 'files', 'signature', 'format', 'notes', 'tags'])
      expect(copy[field]).toEqual(original[field])
    expect((await there.call('GET', '/models/pitch')).body.family).toBe('audio')

    const changed = Buffer.from(bytes)
    const at = changed.indexOf(await readFile(join(fixtures, 'basic-pitch', 'group1-shard1of1.bin')))
    changed.writeUInt8(changed.readUInt8(at + 5000) ^ 1, at + 5000)
    await writeFile(path, changed)
    expect(await there.import(path)).toMatchObject({
      state: 'failed',
      error: { code: 'storage.incomplete', message: expect.stringContaining('manifest') },
    })
    const absent = await here.call('GET', '/models/pitch/versions/9/archive')
    expect(absent).toMatchObject({ status: 404, body: { error: { code: 'storage.not_found' } } })
  } finally {
    await Promise.all([here.dispose(), there.dispose()])
  }
})

test('a data set is exported too', async () => {
  const serve = await Serve.start()
  try {
    const folder = await mkdtemp(join(tmpdir(), 'llmagentos-export-'))
    await writeFile(join(folder, 'flowers.csv'), 'width,height\n1,2\n3,4\n')
    await serve.import(join(folder, 'flowers.csv'))
    const headers = { authorization: `Bearer ${serve.ownerKey}` }
    const url = `${serve.url}/api/datasets/flowers/versions/1`
    const file = await fetch(`${url}/files/flowers.csv`, { headers: { ...headers, range: 'bytes=0-4' } })
    expect([file.status, await file.text()]).toEqual([206, 'width'])
    const archive = await fetch(`${url}/archive`, { headers })
    await writeFile(join(folder, 'set.tar'), Buffer.from(await archive.arrayBuffer()))
    expect(await serve.import(join(folder, 'set.tar'))).toMatchObject({
      state: 'completed',
      dataset: 'flowers',
      version: 1,
      known: true,
    })
  } finally {
    await serve.dispose()
  }
})
