import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod, open, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { HubAddress, type Import } from '../../../shared/contract'
import type { ImportId } from '../../../shared/domain/ids'
import type { Storage } from '../index'
import { FIXTURES } from '../testing/fixtures'
import { ANNA, type Bench, collected, createBench, settled } from '../testing/harness'
import { bytesHead } from '../testing/onnx-builder'
import { parseHubAddress } from './address'
import { chooseFiles } from './choose'

const MIB = 1024 * 1024
const MODEL = readFileSync(join(FIXTURES, 'silero_vad_v5.onnx'))

/** A hub on a real socket: the three routes that a download needs. Files are there under their commit alone. */
class FakeHub {
  commit = 'a'.repeat(40)
  readonly files = new Map<string, Buffer>()
  readonly asked: { path: string; range: string | null }[] = []
  /** Breaks the connection after so many bytes of the next large answers. */
  breakAfter: number[] = []
  /** Hangs after so many bytes, until the caller goes away. */
  hangAfter: number | null = null
  /** Said of the repository. */
  description = ''
  #server: Server = createServer((request, response) => this.#answer(request, response))

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url ?? '/', 'http://hub')
    if (pathname === '/api/models/acme/vad/revision/main') {
      const info = {
        ...{ _id: '1', id: 'acme/vad', sha: this.commit, lastModified: '2026-01-01T00:00:00.000Z' },
        description: this.description,
      }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(info))
      return
    }
    if (pathname === `/api/models/acme/vad/tree/${this.commit}`) {
      const entries = [...this.files].map(([path, bytes]) => ({
        type: 'file',
        path,
        size: bytes.length,
        oid: createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'),
        ...(bytes.length > 1000 && {
          lfs: { oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, pointerSize: 1 },
        }),
      }))
      response.setHeader('content-type', 'application/json').end(JSON.stringify(entries))
      return
    }
    const at = `/acme/vad/resolve/${this.commit}/`
    const path = pathname.startsWith(at) ? pathname.slice(at.length) : undefined
    const bytes = path === undefined ? undefined : this.files.get(decodeURIComponent(path))
    if (!bytes) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Repository not found"}')
      return
    }
    const range = request.headers.range ?? null
    this.asked.push({ path: path ?? '', range })
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
    response.writeHead(range ? 206 : 200, { 'content-length': bytes.length - start })
    const cut = bytes.length > 1000 ? this.breakAfter.shift() : undefined
    if (cut !== undefined) response.write(bytes.subarray(start, start + cut), () => response.destroy())
    else if (this.hangAfter !== null && bytes.length > 1000)
      response.write(bytes.subarray(start, start + this.hangAfter))
    else response.end(bytes.subarray(start))
  }
}

let hub: FakeHub
let hubUrl: string
let bench: Bench
let storage: Storage

beforeEach(async () => {
  hub = new FakeHub()
  hubUrl = await hub.open()
  hub.files.set('onnx/model.onnx', MODEL)
  hub.files.set('README.md', Buffer.from('---\nlicense: mit\n---\nHears voices.'))
  hub.files.set('samples/voice.wav', Buffer.alloc(2000))
  bench = await createBench()
  ;({ storage } = await bench.open({ hubUrl }))
})
afterEach(async () => {
  await bench.dispose()
  await hub.close()
})

async function imported(repository = 'acme/vad', files?: string[]): Promise<Import> {
  const { id } = await storage.startImport({ kind: 'hub', repository, files }, ANNA)
  return settled(storage, id)
}

async function hasCome(id: string, bytes: number): Promise<void> {
  while (storage.getImport(id).bytesDone < bytes) await new Promise((resolve) => setImmediate(resolve))
}

const downloads = () => readdir(join(bench.dataDir, 'downloads'))

async function halfDoneBytes(): Promise<number> {
  const root = join(bench.dataDir, 'downloads')
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

describe('an import from the Hub', () => {
  it('brings what one model needs, checked, under the name of the repository', async () => {
    expect(await imported()).toMatchObject({ state: 'completed', source: 'hub:acme/vad', model: 'vad' })
    const version = storage.getVersion('vad', 1)
    expect(version.files[0]?.digest).toBe(createHash('sha256').update(MODEL).digest('hex'))
    expect(version.lineage.source).toBe('hub:acme/vad')
    expect(version.metadata['license']).toBe('mit')
    expect(hub.asked.map(({ path }) => path).sort()).toEqual(['README.md', 'onnx/model.onnx'])
    expect(await downloads()).toEqual([])
  })

  it('reads no answer without end', async () => {
    hub.description = '.'.repeat(17 * 1024 * 1024)
    const failed = await imported()
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'storage.hub_unreachable' } })
    expect(failed.error?.message).toContain('its answer is too long')
  })

  it('goes on where a broken connection left it', async () => {
    hub.breakAfter = [1_000_000, 500_000]
    expect((await imported()).state).toBe('completed')
    const ranges = hub.asked.filter(({ path }) => path.endsWith('.onnx')).map(({ range }) => range)
    expect(ranges).toHaveLength(3)
    expect(ranges[0]).toBeNull()
    expect(Number(/\d+/.exec(ranges[2] ?? '')?.[0])).toBeGreaterThan(Number(/\d+/.exec(ranges[1] ?? '')?.[0]))
  })

  it('is freed by a collection when it has failed, but not while it goes on', async () => {
    hub.breakAfter = [300_000, 300_000, 300_000]
    expect((await imported()).state).toBe('failed')
    // What was still on its way when a connection broke is lost with it.
    const begun = await halfDoneBytes()
    expect(begun).toBeGreaterThan(0)
    expect((await collected(storage)).freedBytes).toBe(begun)
    expect(await downloads()).toEqual([])
    hub.hangAfter = 100_000
    const { id } = await storage.startImport({ kind: 'hub', repository: 'acme/vad' }, ANNA)
    await hasCome(id, 100_000)
    expect(await collected(storage)).toMatchObject({ freedBytes: 0 })
    expect(await downloads()).toHaveLength(1)
    await storage.cancelImport(id as ImportId)
  })

  it('keeps for a week what a new try has gone on with, however old its folder is', async () => {
    hub.breakAfter = [300_000, 300_000, 300_000]
    await imported()
    const [place = ''] = await downloads()
    const old = new Date(Date.now() - 8 * 24 * 3_600_000)
    await utimes(join(bench.dataDir, 'downloads', place), old, old)
    hub.breakAfter = [300_000, 300_000, 300_000]
    expect((await imported()).state).toBe('failed')
    await bench.close()
    ;({ storage } = await bench.open({ hubUrl }))
    expect(await downloads()).toEqual([place])
  })

  it('keeps what has come when it fails, and the next try goes on from there', async () => {
    hub.breakAfter = [300_000, 300_000, 300_000]
    const failed = await imported()
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'storage.hub_unreachable' } })
    expect(await downloads()).toHaveLength(1)
    hub.asked.length = 0
    expect((await imported()).state).toBe('completed')
    expect(hub.asked.find(({ path }) => path.endsWith('.onnx'))?.range).toMatch(/^bytes=[1-9]/)
  })

  it('is taken up again after a restart behind what was synced; the rest may be zeros after a loss of power, and a week may have passed', async () => {
    const description = Buffer.alloc(40 * MIB, ' ')
    hub.files.set('onnx/model.onnx', Buffer.concat([MODEL, bytesHead(6, description.length), description]))
    hub.hangAfter = 35 * MIB
    const { id } = await storage.startImport({ kind: 'hub', repository: 'acme/vad' }, ANNA)
    await hasCome(id, 35 * MIB)
    await bench.close()
    const [place = ''] = await downloads()
    const part = await open(join(bench.dataDir, 'downloads', place, 'onnx', 'model.onnx'), 'r+')
    await part.write(Buffer.alloc(MIB), 0, MIB, 32 * MIB)
    await part.close()
    const old = new Date(Date.now() - 8 * 24 * 3_600_000)
    await utimes(join(bench.dataDir, 'downloads', place), old, old)
    hub.hangAfter = null
    hub.asked.length = 0
    ;({ storage } = await bench.open({ hubUrl }))
    expect(await settled(storage, id)).toMatchObject({ state: 'completed', model: 'vad' })
    expect(hub.asked.find(({ path }) => path.endsWith('.onnx'))?.range).toBe(`bytes=${32 * MIB}-`)
  })

  it('fetches whole files no second time after a restart', async () => {
    hub.files.set('README.md', Buffer.alloc(2000, '.'))
    hub.breakAfter = [MODEL.length, 10, 10, 10]
    expect((await imported()).state).toBe('failed')
    await bench.close()
    ;({ storage } = await bench.open({ hubUrl }))
    hub.asked.length = 0
    expect((await imported()).state).toBe('completed')
    expect(hub.asked.map(({ path }) => path)).toEqual(['README.md'])
  })

  it('takes turns with another of the same files, and leaves those of others alone', async () => {
    hub.hangAfter = 400_000
    hub.files.set('onnx/small.onnx', MODEL)
    const begin = (name: string) =>
      storage.startImport({ kind: 'hub', repository: 'acme/vad', files: [`onnx/${name}`], name: 'vad' }, ANNA)
    const first = await begin('model.onnx')
    await hasCome(first.id, 400_000)
    const second = await begin('model.onnx')
    const other = await begin('small.onnx')
    await hasCome(other.id, 400_000)
    expect(storage.getImport(second.id).bytesDone).toBe(0)
    hub.hangAfter = null
    expect((await storage.cancelImport(first.id as never)).state).toBe('cancelled')
    expect(await settled(storage, second.id)).toMatchObject({ state: 'completed', version: 1 })
    await storage.cancelImport(other.id as never)
    expect(await downloads()).toEqual([])
  })

  it('goes on after a stop in the middle of its hash, when its files are sealed already', async () => {
    hub.hangAfter = 400_000
    const { id } = await storage.startImport({ kind: 'hub', repository: 'acme/vad' }, ANNA)
    await hasCome(id, 400_000)
    await bench.close()
    const [place = ''] = await downloads()
    const file = join(bench.dataDir, 'downloads', place, 'onnx', 'model.onnx')
    await writeFile(file, MODEL)
    await chmod(file, 0o444)
    hub.hangAfter = null
    ;({ storage } = await bench.open({ hubUrl }))
    expect(await settled(storage, id)).toMatchObject({ state: 'completed', model: 'vad' })
  })

  it('leaves nothing behind when a person cancels it', async () => {
    hub.hangAfter = 400_000
    const { id } = await storage.startImport({ kind: 'hub', repository: 'acme/vad' }, ANNA)
    await hasCome(id, 400_000)
    expect((await storage.cancelImport(id as never)).state).toBe('cancelled')
    expect(await downloads()).toEqual([])
  })

  it('refuses bytes that are not those the Hub names (a lying mirror)', async () => {
    const lying = Buffer.from(MODEL)
    // Among the weights: the model reads as before.
    lying[2_000_000] = (lying[2_000_000] ?? 0) ^ 1
    const truth = hub.files.get('onnx/model.onnx') as Buffer
    const get = hub.files.get.bind(hub.files)
    hub.files.get = (path) => (path === 'onnx/model.onnx' ? lying : get(path))
    expect(truth.equals(lying)).toBe(false)
    expect(await imported()).toMatchObject({ state: 'failed', error: { code: 'storage.incomplete' } })
    expect(storage.listModels()).toEqual([])
    hub.files.get = get
    hub.asked.length = 0
    expect(await imported(), 'fetches the one bad file anew').toMatchObject({ state: 'completed' })
    expect(hub.asked).toEqual([{ path: 'onnx/model.onnx', range: null }])
    expect(await downloads()).toEqual([])
  })

  it('leaves nothing behind when it is refused', async () => {
    hub.files.set('onnx/model.onnx', Buffer.alloc(2000, 'no model'))
    expect((await imported()).state).toBe('rejected')
    expect(await downloads()).toEqual([])
  })

  it('brings the model of a folder that was asked for', async () => {
    hub.files.set('small/v5/net.onnx', MODEL)
    expect(await imported('acme/vad', ['small/*'])).toMatchObject({ state: 'completed', model: 'net' })
    expect(storage.getVersion('net', 1).files.map(({ path }) => path)).toEqual(['net.onnx', 'README.md'])
  })

  it('brings a TensorFlow.js model with the shards that its model.json names', async () => {
    hub.files.clear()
    for (const name of await readdir(join(FIXTURES, 'basic-pitch')))
      hub.files.set(`web/${name}`, readFileSync(join(FIXTURES, 'basic-pitch', name)))
    hub.files.set('web/optimizer.bin', Buffer.alloc(2000))
    expect(await imported()).toMatchObject({ state: 'completed', model: 'vad' })
    const { format, files } = storage.getVersion('vad', 1)
    expect(format).toBe('tfjs-graph')
    expect(files.map(({ path }) => path)).toEqual(['model.json', 'group1-shard1of1.bin'])
    expect(hub.asked.map(({ path }) => path)).not.toContain('web/optimizer.bin')
  })

  it('finds shards that a model.json names by `./`', async () => {
    hub.files.clear()
    for (const name of await readdir(join(FIXTURES, 'basic-pitch')))
      hub.files.set(`web/${name}`, readFileSync(join(FIXTURES, 'basic-pitch', name)))
    const shard = 'group1-shard1of1.bin'
    const index = hub.files.get('web/model.json')?.toString().replace(`"${shard}"`, `"./${shard}"`) ?? ''
    expect(index).toContain(`./${shard}`)
    hub.files.set('web/model.json', Buffer.from(index))
    expect(await imported()).toMatchObject({ state: 'completed' })
  })

  it('leaves a large model.json to another process', async () => {
    hub.files.clear()
    for (const name of await readdir(join(FIXTURES, 'basic-pitch')))
      hub.files.set(name, readFileSync(join(FIXTURES, 'basic-pitch', name)))
    const padding = Buffer.alloc(8 * 1024 * 1024, ' ')
    hub.files.set('model.json', Buffer.concat([hub.files.get('model.json') ?? padding, padding]))
    const parse = vi.spyOn(JSON, 'parse')
    try {
      expect(await imported()).toMatchObject({ state: 'completed', model: 'vad' })
      expect(Math.max(...parse.mock.calls.map(([text]) => text.length))).toBeLessThan(1024 * 1024)
    } finally {
      parse.mockRestore()
    }
  })

  it('downloads nothing of what is several models', async () => {
    hub.files.set('b/other.onnx', MODEL)
    expect(await imported('acme/vad', ['*.onnx'])).toMatchObject({
      state: 'failed',
      error: { code: 'storage.conflict', message: expect.stringContaining('several folders: onnx, b.') },
    })
    expect(hub.asked).toEqual([])
  })

  it('refuses a small file that is not the one that Git names (a lying mirror)', async () => {
    const truth = hub.files.get('README.md') as Buffer
    const lying = Buffer.from(truth.toString().replace('mit', 'gpl'))
    const get = hub.files.get.bind(hub.files)
    hub.files.get = (path) => (path === 'README.md' ? lying : get(path))
    const { state, error } = await imported()
    expect({ state, error }).toMatchObject({
      state: 'failed',
      error: { code: 'storage.incomplete', message: expect.stringContaining('"README.md" is not what') },
    })
  })

  it('mixes no two commits when a branch moves between two tries', async () => {
    hub.breakAfter = [300_000, 300_000, 300_000]
    expect((await imported()).state).toBe('failed')
    hub.commit = 'b'.repeat(40)
    hub.asked.length = 0
    expect((await imported()).state).toBe('completed')
    expect(hub.asked.find(({ path }) => path.endsWith('.onnx'))?.range).toBeNull()
  })

  it('refuses a path that leaves the folder (a hostile repository)', async () => {
    hub.files.set('../../evil.onnx', MODEL)
    expect(await imported()).toMatchObject({ state: 'rejected' })
  })

  it('says that the Hub cannot be reached, or has no such repository', async () => {
    expect((await imported('acme/none')).error?.message).toContain('has no repository acme/none')
    await hub.close()
    const { error } = await imported()
    expect(error).toMatchObject({ code: 'storage.hub_unreachable' })
    // A connection that was kept open is reset; a new one is refused.
    expect(error?.message).toMatch(/cannot be reached \((ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET)\)/)
  })
})

it.each([
  ['acme/vad', { name: 'acme/vad', revision: 'main', hubUrl: 'http://mirror' }],
  ['acme/vad@v1.0', { name: 'acme/vad', revision: 'v1.0', hubUrl: 'http://mirror' }],
  ['https://huggingface.co/acme/vad', { name: 'acme/vad', revision: 'main', hubUrl: 'http://mirror' }],
  [
    'https://huggingface.co/acme/vad/tree/dev',
    { name: 'acme/vad', revision: 'dev', hubUrl: 'http://mirror' },
  ],
  [
    'https://huggingface.co/acme/vad/tree/main',
    { name: 'acme/vad', revision: 'main', hubUrl: 'http://mirror' },
  ],
  [
    'https://huggingface.co/acme/vad/tree/main/',
    { name: 'acme/vad', revision: 'main', hubUrl: 'http://mirror' },
  ],
  ['https://huggingface.co/acme/vad/', { name: 'acme/vad', revision: 'main', hubUrl: 'http://mirror' }],
  ['https://other.example/acme/vad', { name: 'acme/vad', revision: 'main', hubUrl: 'https://other.example' }],
])('reads the address %s', (text, repository) => {
  expect(parseHubAddress(text, 'http://mirror/')).toEqual(repository)
  expect(HubAddress.safeParse(text).success, 'a call may name it').toBe(true)
})

it.each(['vad', 'acme/vad/../x', '../vad', 'acme/..', 'ftp://a/acme/vad', ''])(
  'refuses the address "%s"',
  (text) => {
    expect(() => parseHubAddress(text, 'http://mirror')).toThrow(/names no repository/)
  },
)

describe('chooseFiles', () => {
  const files = (...paths: string[]) =>
    paths.map((path) => ({ path, sizeBytes: 10, sha256: null, gitId: null }))
  const chosen = (paths: string[], patterns: string[] | null = null) =>
    chooseFiles(files(...paths), patterns).map(({ path }) => path)

  it('takes weights without code first, with all shards and what explains them', () => {
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    expect(
      chosen([...shards, 'model.safetensors.index.json', 'pytorch_model.bin', 'README.md', 'a.py']),
    ).toEqual([...shards, 'model.safetensors.index.json', 'README.md'])
  })

  it('takes the usual one of several, else asks which', () => {
    expect(chosen(['m-Q2_K.gguf', 'm-Q4_K_M.gguf', 'm-Q8_0.gguf'])).toEqual(['m-Q4_K_M.gguf'])
    expect(() => chosen(['a.gguf', 'b.gguf'])).toThrow(/several models: a.gguf, b.gguf/)
    expect(chosen(['a.gguf', 'b.gguf'], ['b*'])).toEqual(['b.gguf'])
    expect(() => chosen(['a.gguf'], ['x*'])).toThrow(/No file of the repository fits/)
    expect(() => chosen(['a.txt'])).toThrow(/holds no model/)
  })

  it('takes the assets of a SavedModel, and no pictures for a model', () => {
    const saved = ['saved_model.pb', 'variables/variables.index', 'assets/vocab.txt']
    expect(chosen([...saved, 'a.py'])).toEqual(saved)
    expect(chosen(['assets/logo.png', 'model.keras'])).toEqual(['model.keras'])
  })

  it('leaves out the folder that all weights lie in', () => {
    const shards = ['Q4/m-00001-of-00002.gguf', 'Q4/m-00002-of-00002.gguf']
    const all = files(...shards, 'Q8/m.gguf', 'README.md', 'config.json', 'Q4/config.json')
    const places = (patterns: string[]) => chooseFiles(all, patterns).map((file) => file.as)
    expect(places(['Q4/*'])).toEqual([
      'm-00001-of-00002.gguf',
      'm-00002-of-00002.gguf',
      'config.json',
      'README.md',
    ])
    expect(chooseFiles(files('a/saved_model.pb', 'a/variables/x'), ['a/*']).map(({ as }) => as)).toEqual([
      'saved_model.pb',
      'variables/x',
    ])
  })

  it('refuses patterns that fit several models', () => {
    expect(() => chosen(['a.gguf', 'b.gguf', 'c.onnx'], ['*'])).toThrow(/several models: a.gguf, b.gguf/)
    expect(() => chosen(['a/x.gguf', 'b/x.gguf'], ['*.gguf'])).toThrow(/several folders: a, b/)
    expect(chosen(['m.onnx', 'm.onnx_data', 'weights.bin'], ['*'])).toHaveLength(3)
  })
})
