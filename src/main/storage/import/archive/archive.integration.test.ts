import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Import } from '../../../../shared/contract'
import type { ImportId } from '../../../../shared/domain/ids'
import type { Storage } from '../../index'
import { FIXTURES } from '../../testing/fixtures'
import { type Bench, createBench, importAndSettle, onDisk } from '../../testing/harness'
import { bytes, message, number } from '../../testing/onnx-builder'
import { zip } from '../../testing/zip-builder'
import { openSource } from '../source'
import { type Unpacking, unpack } from './index'
import { ArchiveWriter } from './writer'

const MODEL = readFileSync(join(FIXTURES, 'mnist_cnn.onnx'))

let bench: Bench
let storage: Storage

beforeEach(async () => {
  bench = await createBench()
  ;({ storage } = await bench.open())
})
afterEach(() => bench.dispose())

async function imported(name: string, content: Uint8Array): Promise<Import> {
  const path = join(bench.folder, name)
  await writeFile(path, content)
  return importAndSettle(storage, path)
}

async function expectNothingLeft(): Promise<void> {
  expect(await onDisk(bench.dataDir)).toMatchObject({ blobs: [], temporary: [] })
}

interface TarEntry {
  name: string
  content?: Buffer
  type?: string
  size?: number
  checksum?: number
}

function tar(entries: TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, content = Buffer.alloc(0), type = '0', size, checksum }) => {
    const header = Buffer.alloc(512)
    header.write(name.slice(0, 100))
    header.write('0000644\0', 100)
    header.write(`${(size ?? content.length).toString(8).padStart(11, '0')}\0`, 124)
    header.write('        ', 148)
    header.write(type, 156)
    header.write('ustar\x0000', 257)
    const sum = checksum ?? header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function pax(records: Record<string, string>): Buffer {
  return Buffer.from(
    Object.entries(records)
      .map(([key, value]) => {
        const body = ` ${key}=${value}\n`
        let length = body.length + 1
        while (String(length).length + body.length !== length) length = String(length).length + body.length
        return `${length}${body}`
      })
      .join(''),
  )
}

describe.runIf(process.platform === 'linux')('a disk that takes only a part of what is written', () => {
  const MOST_BYTES = 100_000
  const onLimit = () => undefined
  const limitFiles = (bytes: number | 'unlimited') =>
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`])
  beforeEach(() => {
    process.on('SIGXFSZ', onLimit)
    limitFiles(MOST_BYTES)
  })
  afterEach(() => {
    limitFiles('unlimited')
    process.off('SIGXFSZ', onLimit)
  })

  async function* content() {
    yield Buffer.alloc(MOST_BYTES + 1)
  }

  it('ends the unpacking, however many bytes the archive says', async () => {
    const writer = new ArchiveWriter(join(bench.folder, 'out'), 'a.gz', 1e9, () => undefined)
    await expect(writer.add('a', content(), null, null)).rejects.toMatchObject({ code: 'EFBIG' })
  })
})

it('has room for every file of the largest version and its manifest', async () => {
  const writer = new ArchiveWriter(join(bench.folder, 'out'), 'a.tar', 1e9, () => undefined)
  for (let entry = 0; entry < 10_001; entry++) await writer.folder('files')
  await expect(writer.folder('files')).rejects.toThrow('more than 10001 entries')
})

describe('how far unpacking is', () => {
  const zeros = Buffer.alloc(3 * 2 ** 20)
  const entries = [{ name: 'model.onnx', content: MODEL }]
  it.each([
    ['zip', zip([...entries, { name: 'zeros', content: zeros }]), MODEL.length + zeros.length],
    ['tar', tar(entries), null],
    ['gzip', gzipSync(tar(entries)), null],
    ['gzip', gzipSync(MODEL), null],
  ] as const)('%s: bytes done of bytes in all, up to all of them', async (kind, content, contentBytes) => {
    const path = join(bench.folder, 'archive')
    await writeFile(path, content)
    const { only } = openSource({ kind: 'path', path })
    const told: Unpacking[] = []
    if (only) await unpack(only, kind, join(bench.folder, 'to'), (unpacking) => told.push(unpacking))
    expect(told.length).toBeGreaterThan(0)
    for (const { bytesTotal } of told) expect(bytesTotal).toBe(contentBytes ?? content.length)
    const done = told.map(({ bytesDone }) => bytesDone)
    expect(done).toEqual([...done].sort((a, b) => a - b))
    expect(done.at(-1)).toBe(contentBytes ?? content.length)
  })
})

describe('an archive of a model', () => {
  const deflated = deflateRawSync(MODEL)
  it.each([
    ['net.zip', zip([{ name: 'digits/model.onnx', content: deflated, sizeBytes: MODEL.length }])],
    [
      'net.zip',
      zip([
        { name: 'model.onnx', content: MODEL },
        { name: '__MACOSX/x', content: Buffer.from('x') },
      ]),
    ],
    [
      'net.tar',
      tar([
        { name: 'net/', type: '5' },
        { name: './net/model.onnx', content: MODEL },
      ]),
    ],
    ['net.tar.gz', gzipSync(tar([{ name: 'model.onnx', content: MODEL }]))],
    ['model.onnx.gz', gzipSync(MODEL)],
  ])('%s is unpacked and imported as what it holds', async (name, content) => {
    const outcome = await imported(name, content)
    expect(outcome.findings.filter((finding) => finding.severity !== 'info')).toEqual([])
    expect(outcome.state).toBe('completed')
    const version = storage.getVersion(outcome.model ?? '', 1)
    expect(version).toMatchObject({ format: 'onnx', sizeBytes: MODEL.length })
    expect((await onDisk(bench.dataDir)).temporary).toEqual([])
  })

  const fixture = (path: string) => readFileSync(join(FIXTURES, 'imports/good', path))
  const savedModel = message(
    2,
    message(1, bytes(4, 'serve'), bytes(5, '2.17.0')),
    message(
      2,
      message(1, bytes(1, 'n'), bytes(2, 'MatMul')),
      message(1, bytes(1, 'v'), bytes(2, 'VarHandleOp')),
    ),
  )
  const layers = [
    { module: 'keras.layers', class_name: 'InputLayer', config: { batch_shape: [null, 4], name: 'x' } },
    { module: 'keras.layers', class_name: 'Dense', config: { name: 'd', units: 3 } },
  ]
  const keras = zip([
    { name: 'metadata.json', content: Buffer.from('{"keras_version":"3.12.0"}') },
    {
      name: 'config.json',
      content: Buffer.from(
        JSON.stringify({ module: 'keras', class_name: 'Sequential', config: { name: 'net', layers } }),
      ),
    },
    { name: 'model.weights.h5', content: Buffer.from('\x89HDF\r\n\x1a\n', 'latin1') },
  ])
  const shard = (name: string) => {
    const header = Buffer.from(JSON.stringify({ [name]: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } }))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    return Buffer.concat([length, header, Buffer.alloc(1)])
  }
  const shards = { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' }
  it.each<[string, Record<string, Buffer>]>([
    [
      'savedmodel',
      {
        'saved_model.pb': Buffer.from([...number(1, 1), ...savedModel].flat()),
        'variables/variables.index': Buffer.from('x'),
        'variables/variables.data-00000-of-00001': Buffer.from('weights'),
      },
    ],
    ['keras', { 'net.keras': keras }],
    [
      'safetensors',
      {
        'model.safetensors.index.json': Buffer.from(JSON.stringify({ metadata: {}, weight_map: shards })),
        [shards.a]: shard('a'),
        [shards.b]: shard('b'),
      },
    ],
    [
      'tfjs',
      {
        'model.json': fixture('tfjs/model.json'),
        'group1-shard1of1.bin': fixture('tfjs/group1-shard1of1.bin'),
      },
    ],
    ['onnx', { 'model.onnx': fixture('external/model.onnx'), 'w.bin': fixture('external/w.bin') }],
  ])('of several files is taken whole, as .tar.gz and .zip: %s', async (format, files) => {
    const entries = Object.entries(files).map(([name, content]) => ({ name: `net/${name}`, content }))
    for (const [name, archive] of [
      ['net.tar.gz', gzipSync(tar(entries))],
      ['net.zip', zip(entries)],
    ] as const) {
      const outcome = await imported(name, archive)
      // This SavedModel says nothing of its inputs, which a person must accept.
      if (outcome.state === 'waiting') await storage.confirmImport(outcome.id as ImportId)
      const stored = storage.getVersion('net', storage.resolve('net@latest').version)
      expect(stored.format).toMatch(format)
      expect(stored.files).toHaveLength(entries.length)
    }
  })

  it('takes the name and size that a pax header gives', async () => {
    const long = `${'n'.repeat(120)}/model.onnx`
    const header = { name: 'pax', type: 'x', content: pax({ path: long }) }
    expect((await imported('net.tar', tar([header, { name: 'short', content: MODEL }]))).state).toBe(
      'completed',
    )
  })

  it('may hold a data set', async () => {
    const outcome = await imported('table.csv.gz', gzipSync('a,b\n1,2\n3,4\n'))
    expect(outcome).toMatchObject({ state: 'completed', kind: 'dataset' })
  })

  it('is told from a model that is a ZIP itself', async () => {
    const outcome = await imported('net.pt', readFileSync(join(FIXTURES, 'mnist_cnn.pt')))
    expect(outcome).toMatchObject({ state: 'completed', kind: 'model' })
    expect(storage.getVersion(outcome.model ?? '', 1).format).toBe('torchscript')
  })
})

describe('an archive that is made to do harm', () => {
  const evil = Buffer.from('evil')
  it.each([
    ['leaves its folder (tar slip)', tar([{ name: '../evil', content: evil }]), 'leads out of the folder'],
    ['names an absolute path', tar([{ name: '/tmp/evil', content: evil }]), 'is absolute'],
    [
      'hides its path in a pax header',
      tar([
        { name: 'p', type: 'x', content: pax({ path: '../evil' }) },
        { name: 'ok', content: evil },
      ]),
      'leads out',
    ],
    ['holds a link', tar([{ name: 'a', type: '2' }]), 'a link'],
    ['holds a hard link', tar([{ name: 'a', type: '1' }]), 'a link'],
    ['holds a device', tar([{ name: 'a', type: '3' }]), 'neither a file nor a folder'],
    [
      'holds a name twice',
      tar([
        { name: 'a', content: evil },
        { name: 'A', content: evil },
      ]),
      'twice',
    ],
    ['claims more than it has', tar([{ name: 'a', content: evil, size: 2 ** 32 }]), 'but says'],
    ['grows without end', gzipSync(tar([{ name: 'a', content: Buffer.alloc(96 * 2 ** 20) }])), 'only a bomb'],
    [
      'holds a link and a file below it',
      zip([
        { name: 'd', content: evil, mode: 0o120777 },
        { name: 'd/x', content: evil },
      ]),
      'a link',
    ],
  ])('is refused when it %s', async (_, content, words) => {
    const outcome = await imported('bad.bin', content)
    expect(outcome.state).toBe('rejected')
    expect(outcome.findings.at(-1)?.message).toContain(words)
    expect(existsSync(join(bench.dataDir, 'evil'))).toBe(false)
    expect((await readdir(bench.folder)).sort()).toEqual(expect.not.arrayContaining(['evil']))
    await expectNothingLeft()
  })

  it('is refused when it is damaged, or holds nothing', async () => {
    const cut = gzipSync(tar([{ name: 'model.onnx', content: MODEL }])).subarray(0, 5000)
    expect((await imported('cut.tgz', cut)).findings.at(-1)?.message).toContain('damaged')
    expect((await imported('none.zip', zip([{ name: 'readme.txt', content: evil }]))).state).toBe('rejected')
    const nested = zip([{ name: 'inner.zip', content: zip([{ name: 'model.onnx', content: MODEL }]) }])
    expect((await imported('nested.zip', nested)).state).toBe('rejected')
    await expectNothingLeft()
  })
})
