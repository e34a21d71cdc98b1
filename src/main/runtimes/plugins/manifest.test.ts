import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ModelFormat } from '../../../shared/contract'
import { judge, type Manifest, readManifest } from './manifest'

const sound = {
  manifest: 1,
  id: 'tiny',
  name: 'Tiny',
  version: '1',
  protocol: 1,
  formats: ['tflite'],
  interpreter: 'node',
  entry: 'worker.mjs',
}
const read = (change: object) => readManifest(JSON.stringify({ ...sound, ...change }))
const reserved = {
  ids: new Set(['onnx']),
  formats: new Set<ModelFormat>(['onnx']),
  dataDir: '/srv/data',
}
const findings = (change: object, folder = 'tiny') =>
  judge(read(change) as Manifest, folder, new Set(['worker.mjs']), reserved)

describe('a manifest', () => {
  it('that is sound is taken, with its defaults, and has nothing against it', () => {
    expect(read({})).toMatchObject({ sandbox: 'wanted', reads: [], options: '' })
    expect(findings({})).toEqual([])
  })

  it.each([
    ['an entry outside', { entry: '../worker.mjs' }, 'entry'],
    ['an entry outside, on the way', { entry: 'a/../../worker.mjs' }, 'entry'],
    ['an absolute entry', { entry: '/usr/bin/sh' }, 'entry'],
    ['an absolute entry of Windows', { entry: 'C:\\tool.exe' }, 'entry'],
    ['an id that is a path', { id: '../onnx' }, 'id'],
    ['a name that turns the direction of writing', { name: 'safe\u202e.exe' }, 'name'],
    ['a name of two lines', { name: 'a\nb' }, 'name'],
    ['a format that nobody knows', { formats: ['exe'] }, 'formats.0'],
    ['no format', { formats: [] }, 'formats'],
    ['a program of the machine', { interpreter: '/bin/sh' }, 'interpreter'],
    ['another protocol', { protocol: 2 }, 'protocol'],
    ['a field that nobody knows', { network: true }, 'network'],
    ['a path to read that leaves its folder', { reads: ['/opt/../root'] }, 'reads.0'],
    ['a relative path to read', { reads: ['lib'] }, 'reads.0'],
    ['memory without end', { memory: { baseBytes: 2 ** 50, perModelByte: 1 } }, 'memory'],
  ])('is refused with %s, which the finding names', (_, change, field) => {
    const refused = read(change)
    expect(
      Array.isArray(refused) && refused.map(({ severity, message }) => `${severity} ${message}`),
    ).toEqual([expect.stringContaining(field.split('.')[0] ?? field)])
  })

  it('is refused when it is no JSON, or no object', () => {
    expect(readManifest('{')).toMatchObject([{ severity: 'reject', message: 'It is no JSON.' }])
    expect(readManifest('[]')).toMatchObject([{ severity: 'reject' }])
  })

  it.each([
    ['the id of a built-in runtime', { id: 'onnx' }, 'onnx', /is that of a runtime/],
    ['another id than its folder', { id: 'other' }, 'tiny', /give both the same name/],
    ['a format that is run here', { formats: ['tflite', 'onnx'] }, 'tiny', /runs onnx itself/],
    ['pickles', { formats: ['pickle'] }, 'tiny', /nothing may run them/],
    ['an entry that is not there', { entry: 'gone.mjs' }, 'tiny', /no file "gone.mjs"/],
    ['what holds the data folder', { reads: ['/srv'] }, 'tiny', /\/srv, which holds/],
    ['the data folder', { reads: ['/srv/data/blobs'] }, 'tiny', /lies in the data folder/],
    ['sockets of the system', { reads: ['/run/user'] }, 'tiny', /where sockets/],
    ['sockets of the system by their old name', { reads: ['/var/run/docker.sock'] }, 'tiny', /where sockets/],
    ['devices', { reads: ['/dev/dri'] }, 'tiny', /where sockets/],
    ['other processes', { reads: ['/proc/1'] }, 'tiny', /where sockets/],
    ['what the kernel tells', { reads: ['/sys'] }, 'tiny', /where sockets/],
    ['a file', { reads: [import.meta.filename] }, 'tiny', /no folder/],
    ['the home folder', { reads: [homedir()] }, 'tiny', /no business/],
  ])('is refused when it takes %s', (_, change, folder, words) => {
    const refused = findings(change, folder).filter(({ severity }) => severity === 'reject')
    expect(refused.map(({ message }) => message)).toEqual([expect.stringMatching(words)])
  })

  it('is refused when a link leads to what it must not read, and told by where the data folder is really', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reads-'))
    await mkdir(join(folder, 'real', 'data'), { recursive: true })
    await symlink(join(folder, 'real'), join(folder, 'link'))
    const refused = (path: string, dataDir: string) =>
      judge(read({ reads: [join(folder, path)] }) as Manifest, 'tiny', new Set(['worker.mjs']), {
        ...reserved,
        dataDir: join(folder, dataDir),
      }).map(({ severity }) => severity)
    expect(refused('link', 'real/data')).toEqual(['reject'])
    expect(refused('link/data', 'real/data')).toEqual(['reject'])
    expect(refused('real', 'link/data')).toEqual(['reject'])
    expect(refused('link', 'other')).toEqual(['warn'])
    await rm(folder, { recursive: true })
  })

  it('is refused when what it asks to read is a socket, or leads to where they lie', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reads-'))
    const server = createServer().listen(join(folder, 'socket'))
    await once(server, 'listening')
    await symlink('/dev', join(folder, 'link'))
    const severities = (name: string) =>
      findings({ reads: [join(folder, name)] }).map(({ severity }) => severity)
    expect(severities('socket')).toEqual(['reject'])
    expect(severities('link')).toEqual(['reject'])
    expect(severities('not there yet')).toEqual(['warn'])
    await symlink('loop', join(folder, 'loop'))
    expect(severities('loop')).toEqual(['warn'])
    server.close()
    await rm(folder, { recursive: true })
  })

  it('says what it asks to read', () => {
    expect(findings({ reads: ['/opt/tflite'] })).toMatchObject([
      { severity: 'warn', message: 'It asks to read /opt/tflite.' },
    ])
  })
})
