import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DatasetVersion } from '../../../shared/contract'
import type { Database } from '../../platform/database'
import type { Storage } from '../index'
import type { StorageTables } from '../schema'
import { ANNA, type Bench, checked, collected, createBench, importAndSettle } from '../testing/harness'
import { inProcessWorker } from '../testing/in-process-worker'
import { readRows } from './read'

let bench: Bench
let storage: Storage
let database: Database

beforeEach(async () => {
  bench = await createBench({ withWorker: false })
  ;({ storage, database } = await bench.open({ startWorker: inProcessWorker }))
})
afterEach(() => bench.dispose())

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(bench.folder, name)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, content)
  return path
}

async function imported(path: string): Promise<DatasetVersion> {
  const outcome = await importAndSettle(storage, path)
  if (outcome.state !== 'completed' || outcome.dataset === null || outcome.version === null)
    throw new Error(`${outcome.state}: ${outcome.findings.at(-1)?.message ?? outcome.error?.message}`)
  expect(outcome).toMatchObject({ kind: 'dataset', model: null })
  return storage.getDatasetVersion(outcome.dataset, outcome.version)
}

function npy(descr: string, shape: string, bytes: Uint8Array): Buffer {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117, ' ')
  const head = Buffer.alloc(10)
  head.write('\x93NUMPY', 'latin1')
  head[6] = 1
  head.writeUInt16LE(header.length + 1, 8)
  return Buffer.concat([head, Buffer.from(`${header}\n`, 'latin1'), bytes])
}

/** A PNG of one colour; only its header counts. */
function png(width: number, height: number): Buffer {
  const bytes = Buffer.alloc(33)
  bytes.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1')
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  return bytes
}

describe('CSV', () => {
  it('is told by its content, with the type and statistics of each column', async () => {
    const lines = ['name,age,score,member', 'Ann,30,1.5,true', '"Bea, B.",40,,false', 'Cy,50,2.5,true']
    const version = await imported(await file('people.txt', lines.join('\r\n')))
    expect(version).toMatchObject({ dataset: 'people', version: 1, format: 'csv', rows: 3 })
    expect(version.columns.map(({ name, type, nulls, distinct }) => [name, type, nulls, distinct])).toEqual([
      ['name', 'string', 0, 3],
      ['age', 'integer', 0, 3],
      ['score', 'number', 1, 2],
      ['member', 'boolean', 0, 2],
    ])
    expect(version.columns[1]).toMatchObject({ min: 30, max: 50, mean: 40 })
    expect(version.columns[1]?.deviation).toBeCloseTo(Math.sqrt(200 / 3), 10)
    expect(version.columns[3]?.top).toEqual([
      { value: 'true', count: 2 },
      { value: 'false', count: 1 },
    ])
    expect((await storage.datasetRows('people', 1, { offset: 1, limit: 5 })).items).toEqual([
      { name: 'Bea, B.', age: 40, score: null, member: false },
      { name: 'Cy', age: 50, score: 2.5, member: true },
    ])
  })

  it('finds any row again in a long table with quoted line ends, whatever the offset', async () => {
    const rows = Array.from({ length: 25_000 }, (_, i) => `${i},"a ""b""\n${'x'.repeat(i % 7)}",${i * 2}`)
    const { rows: count } = await imported(
      await file('long.csv', `\uFEFFid,text,double\n${rows.join('\n')}\n`),
    )
    expect(count).toBe(25_000)
    for (const offset of [0, 1, 2, 7, 4_999, 12_345, 24_998]) {
      const { items, total } = await storage.datasetRows('long', 1, { offset, limit: 3 })
      expect(total).toBe(25_000)
      expect(items.map((row) => row['id'])).toEqual(
        [offset, offset + 1, offset + 2].filter((id) => id < 25_000),
      )
      expect(items[0]?.['text']).toBe(`a "b"\n${'x'.repeat(offset % 7)}`)
    }
    expect((await storage.datasetRows('long', 1, { offset: 25_000, limit: 3 })).items).toEqual([])
  })

  it('reads nothing for who has gone before their turn came', async () => {
    await imported(await file('queue.csv', 'id,of\n1,2\n2,2\n'))
    const range = { offset: 0, limit: 1 }
    const reader = new AbortController()
    const first = storage.datasetRows('queue', 1, range)
    const gone = storage.datasetRows('queue', 1, range, reader.signal)
    const last = storage.datasetRows('queue', 1, { offset: 1, limit: 1 })
    reader.abort()
    await expect(gone).rejects.toThrow('aborted')
    expect((await first).items).toEqual([{ id: 1, of: 2 }])
    expect((await last).items).toEqual([{ id: 2, of: 2 }])
  })

  it('reads back what was written, whatever the texts', async () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 12 })
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
    let serial = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(',', ';', '\t', '|'),
        fc.array(fc.tuple(cell, cell), { minLength: 2, maxLength: 20 }),
        async (delimiter, rows) => {
          const text = [['first', 'second'], ...rows].map((row) => row.map(quote).join(delimiter)).join('\n')
          const name = `t${serial++}`
          const outcome = await importAndSettle(storage, await file(`${name}.csv`, text))
          // Texts with line ends may hide in the first lines that it is a table: then it is refused, never misread.
          if (outcome.state !== 'completed') return
          const { items } = await storage.datasetRows(outcome.dataset ?? '', outcome.version ?? 0, {
            offset: 0,
            limit: 100,
          })
          expect(items.map((row) => Object.values(row).map((value) => String(value ?? '')))).toEqual(
            rows
              .map((row) => row.map(readAs))
              .filter((row) => row.some((value) => value !== '') || row.length > 1),
          )
        },
      ),
      { numRuns: 40 },
    )
    function readAs(text: string): string {
      return text
    }
  })
})

describe('JSON lines', () => {
  it('take their columns from all rows, and keep lists and objects as JSON', async () => {
    const lines = [{ a: 1, tags: ['x'] }, { a: 2.5, b: 'text' }, { b: 'more' }].map((row) =>
      JSON.stringify(row),
    )
    const version = await imported(await file('rows.jsonl', `${lines.join('\n')}\n\n`))
    expect(version.columns.map(({ name, type, nulls }) => [name, type, nulls])).toEqual([
      ['a', 'number', 1],
      ['tags', 'json', 2],
      ['b', 'string', 1],
    ])
    expect((await storage.datasetRows('rows', 1, { offset: 0, limit: 1 })).items).toEqual([
      { a: 1, tags: '["x"]' },
    ])
  })

  it('name the row that is none', async () => {
    const outcome = await importAndSettle(storage, await file('bad.jsonl', `${'{"a":1}\n'.repeat(9)}[1]\n`))
    expect(outcome).toMatchObject({ state: 'rejected' })
    expect(outcome.findings.at(-1)?.message).toContain('Row 10 is no JSON object')
  })
})

describe('Parquet', () => {
  it('gives any range of rows', async () => {
    const data = [
      { name: 'id', data: Int32Array.from({ length: 5000 }, (_, i) => i) },
      { name: 'half', data: Float64Array.from({ length: 5000 }, (_, i) => i / 2) },
      { name: 'word', data: Array.from({ length: 5000 }, (_, i) => `w${i % 3}`) },
    ]
    const bytes = new Uint8Array(parquetWriteBuffer({ columnData: data }))
    const version = await imported(await file('table.parquet', bytes))
    expect(version).toMatchObject({ format: 'parquet', rows: 5000 })
    expect(version.columns.map(({ name, type, max }) => [name, type, max])).toEqual([
      ['id', 'integer', 4999],
      ['half', 'number', 2499.5],
      ['word', 'string', null],
    ])
    expect((await storage.datasetRows('table', 1, { offset: 3001, limit: 2 })).items).toEqual([
      { id: 3001, half: 1500.5, word: 'w1' },
      { id: 3002, half: 1501, word: 'w2' },
    ])
  })

  it('is refused where it says that it has more rows than its groups', async () => {
    const data = [{ name: 'id', data: Int32Array.from({ length: 5000 }, (_, i) => i) }]
    const bytes = Buffer.from(parquetWriteBuffer({ columnData: data }))
    // The count of the file stands before those of its groups: 5,000 becomes 8,191.
    const count = bytes.indexOf(Buffer.from([0x16, 0x90, 0x4e]))
    bytes.set([0xfe, 0x7f], count + 1)
    const outcome = await importAndSettle(storage, await file('more.parquet', bytes))
    expect(outcome.state).toBe('rejected')
    expect(outcome.findings.at(-1)?.message).toContain('counts of rows')
  })

  it('ends on any damage, described or refused', async () => {
    const good = Buffer.from(
      parquetWriteBuffer({
        columnData: [{ name: 'id', data: Int32Array.from({ length: 50 }, (_, i) => i) }],
      }),
    )
    let serial = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        async (flips) => {
          const bytes = Buffer.from(good)
          for (const [at, byte] of flips) bytes[4 + (at % (bytes.length - 8))] = byte
          const outcome = await importAndSettle(storage, await file(`p${serial++}.parquet`, bytes))
          expect(['completed', 'rejected']).toContain(outcome.state)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('NumPy arrays', () => {
  it('are rows of tensors', async () => {
    const values = Float32Array.from({ length: 12 }, (_, i) => i)
    const version = await imported(await file('x.npy', npy('<f4', '3, 2, 2', new Uint8Array(values.buffer))))
    expect(version).toMatchObject({ format: 'npy', rows: 3 })
    expect(version.columns[0]).toMatchObject({ type: 'tensor', shape: [2, 2], min: 0, max: 11, mean: 5.5 })
    const { items } = await storage.datasetRows('x', 1, { offset: 2, limit: 1 })
    expect(items[0]?.['data']).toMatchObject({ dtype: 'float32', shape: [2, 2] })
  })

  it('are looked at by their first elements where they are long, and read whole a few at a time', async () => {
    const values = Float32Array.from({ length: 40 * 65_536 }, (_, i) => i % 1000)
    await imported(await file('wide.npy', npy('<f4', '40, 256, 256', new Uint8Array(values.buffer))))
    const short = await storage.datasetRows('wide', 1, { offset: 1, limit: 40, tensors: 'short' })
    expect(short.items).toHaveLength(39)
    expect(short.items[0]).toEqual({
      data: { dtype: 'float32', shape: [256, 256], head: Array.from({ length: 8 }, (_, i) => 536 + i) },
    })
    const seen: unknown[] = []
    for (let offset = 0; offset < 40; ) {
      const { items } = await storage.datasetRecords('wide', 1, { offset, limit: 500 })
      expect(items.length).toBeGreaterThan(0)
      expect(items.length).toBeLessThan(20)
      seen.push(...items)
      offset += items.length
    }
    expect(seen).toHaveLength(40)
  })

  it.each([
    ['objects, which are pickles', npy('|O', '1', Buffer.alloc(8)), 'are not taken'],
    ['more values than there are bytes', npy('<f4', '1000000000000', Buffer.alloc(8)), 'bytes of values'],
    ['rows without values', npy('<f4', '9007199254740991, 0', Buffer.alloc(0)), 'no values'],
    ['a shape that overflows', npy('<f4', '9007199254740991, 9007199254740991', Buffer.alloc(8)), 'damaged'],
  ])('refuse %s', async (_, bytes, why) => {
    const outcome = await importAndSettle(storage, await file('bad.npy', bytes))
    expect(outcome.state).toBe('rejected')
    expect(outcome.findings.at(-1)?.message).toContain(why)
  })
})

describe('folders of images', () => {
  it('of files that lie as deep as may be are exported and come back', async () => {
    await file('pets/1/2/3/4/5/6/7/8/a.png', png(30, 20))
    await file('pets/1/2/3/4/5/6/7/8/b.png', png(31, 20))
    const first = await importAndSettle(storage, join(bench.folder, 'pets'))
    expect(first).toMatchObject({ state: 'completed', dataset: 'pets' })
    const archive = join(bench.folder, 'pets.tar')
    await writeFile(archive, storage.exportVersion('dataset', 'pets', 1, () => true).content)
    expect(await importAndSettle(storage, archive)).toMatchObject({
      dataset: 'pets',
      version: 1,
      known: true,
    })
  })

  it('are taken without what systems leave in them, which is said', async () => {
    await file('pets/cat/1.png', png(30, 20))
    await file('pets/dog/1.png', png(8, 9))
    const litter = ['.DS_Store', 'Thumbs.db', 'cat/.DS_Store', 'dog/._1.png', 'dog/desktop.ini']
    for (const name of litter) await file(`pets/${name}`, 'litter')
    const version = await imported(join(bench.folder, 'pets'))
    expect(version).toMatchObject({ format: 'images', rows: 2 })
    expect(version.files.map(({ path }) => path)).toEqual(['cat/1.png', 'dog/1.png'])
    expect(version.findings.map((finding) => finding.file).sort()).toEqual(litter.sort())
    expect(version.findings[0]?.message).toContain('was left out: it is no part of the data.')
  })

  it('are labelled by their folders and sized by their headers', async () => {
    await file('pets/cat/1.png', png(30, 20))
    await file('pets/cat/2.png', png(31, 20))
    await file('pets/dog/1.png', png(8, 9))
    const version = await imported(join(bench.folder, 'pets'))
    expect(version).toMatchObject({ dataset: 'pets', format: 'images', rows: 3 })
    expect(version.columns.map(({ name, type }) => [name, type])).toEqual([
      ['image', 'image'],
      ['label', 'string'],
      ['width', 'integer'],
      ['height', 'integer'],
      ['bytes', 'integer'],
    ])
    const { items } = await storage.datasetRows('pets', 1, { offset: 2, limit: 1 })
    expect(items).toEqual([{ image: 'dog/1.png', label: 'dog', width: 8, height: 9, bytes: 33 }])
    expect((await storage.datasetImage('pets', 1, 'dog/1.png')).mediaType).toBe('image/png')
    await expect(storage.datasetImage('pets', 1, '../dog/1.png')).rejects.toMatchObject({
      code: 'storage.not_found',
    })
  })
})

it('a page is no longer than a line between processes, also where its texts are longer as JSON', async () => {
  const line = JSON.stringify({ text: '\u0001'.repeat(900_000) })
  const absolutePath = await file('control.jsonl', `${line}\n${line}\n`)
  const files = [{ path: 'control.jsonl', absolutePath, sizeBytes: 2 * line.length + 2 }]
  const rows = await readRows({ format: 'jsonl', files, index: null }, { offset: 0, limit: 2 })
  expect(rows).toHaveLength(1)
})

it('a page of a wide table has as many cells as one of a narrow table; a job reads more at once', async () => {
  const cells = (of: number) => Array.from({ length: 1_000 }, (_, column) => `${of}${column}`).join()
  const lines = Array.from({ length: 21 }, (_, row) => cells(row + 1))
  await imported(await file('wide.csv', lines.join('\n')))
  for (const tensors of ['short', 'whole'] as const) {
    const { items, total } = await storage.datasetRows('wide', 1, { offset: 2, limit: 20, tensors })
    expect([items.length, total]).toEqual([5, 20])
  }
  expect((await storage.datasetRecords('wide', 1, { offset: 0, limit: 20 })).items).toHaveLength(20)
})

it('pages of one version read its description once, until the version is removed', async () => {
  await imported(await file('t.csv', 'a,b\n1,2\n3,4\n'))
  const page = () => storage.datasetRows('t', 1, { offset: 0, limit: 2 })
  const first = await page()
  const unreadable = database.builder<StorageTables>().updateTable('dataset_versions')
  database.run(unreadable.set({ columns_json: 'not to be read' }))
  expect(await page()).toEqual(first)
  storage.removeDatasetVersion('t', 1)
  await expect(page()).rejects.toMatchObject({ code: 'storage.not_found' })
})

it('one file of ten thousand is found without the others', async () => {
  await file('pets/1.png', png(30, 20))
  await file('pets/2.png', png(31, 20))
  const { files } = await imported(join(bench.folder, 'pets'))
  const digest = files[0]?.digest ?? ''
  const tables = database.builder<StorageTables>()
  database.transaction(() => {
    for (let position = 2; position < 10_000; position++) {
      const one = { position, path: `more/${position}.png`, digest, size_bytes: 33 }
      database.run(tables.insertInto('dataset_files').values({ dataset: 'pets', version: 1, ...one }))
    }
  })
  const tookMs = async (work: () => unknown) => {
    const began = performance.now()
    await work()
    return performance.now() - began
  }
  const findTen = async () => {
    for (let i = 0; i < 10; i++) {
      expect((await storage.datasetImage('pets', 1, '2.png')).mediaType).toBe('image/png')
      const { file, content } = storage.openFile('dataset', 'pets', 1, 'more/9999.png')
      expect(file.digest).toBe(digest)
      content.destroy()
    }
  }
  // The machine may be busy with something else in one of three rounds.
  const ratios: number[] = []
  for (let round = 0; round < 3; round++) {
    const allMs = await tookMs(() => storage.getDatasetVersion('pets', 1))
    ratios.push((await tookMs(findTen)) / allMs)
  }
  expect(ratios.sort((a, b) => a - b)[1]).toBeLessThan(10)
  expect(() => storage.openFile('dataset', 'pets', 1, '3.png')).toThrow('has no file "3.png"')
  expect(() => storage.openFile('dataset', 'pets', 2, '1.png')).toThrow('no version 2')
})

it('the same bytes are the same version, and bytes are freed with their last version', async () => {
  const path = await file('t.csv', 'a,b\n1,2\n3,4\n')
  await imported(path)
  expect(await importAndSettle(storage, path)).toMatchObject({ known: true, version: 1 })
  await writeFile(path, 'a,b\n1,2\n3,5\n')
  expect((await imported(path)).version).toBe(2)
  expect(storage.listDatasets()).toMatchObject([{ name: 't', latest: 2, versions: [2, 1], rows: 2 }])
  expect(await collected(storage)).toMatchObject({ removed: 0 })
  storage.removeDatasetVersion('t', 1)
  expect((await collected(storage)).removed).toBe(1)
  expect(await checked(storage)).toMatchObject({ checked: 1, missing: [] })
  expect(() => storage.getDatasetVersion('t', 1)).toThrow(/no version 1/)
  expect(storage.resolveDataset('t@latest')).toEqual({ name: 't', version: 2 })
  expect(() => storage.resolveDataset('t@production')).toThrow(/names no version/)
})

it('a person may look first, and call it otherwise', async () => {
  const { id } = await storage.startImport(
    { kind: 'path', path: await file('t.csv', 'a,b\n1,2\n'), review: true },
    ANNA,
  )
  const waiting = await new Promise<void>((resolve) => {
    const stop = storage.onDidChangeImports(({ changed }) => {
      if (!changed.some((view) => view.id === id && view.state === 'waiting')) return
      stop()
      resolve()
    })
  }).then(() => storage.getImport(id))
  expect(waiting).toMatchObject({ verdict: 'accept', suggestion: { name: 't', version: 1 } })
  expect(storage.listDatasets()).toEqual([])
  expect(await storage.confirmImport(waiting.id as never, { name: 'numbers' })).toMatchObject({
    state: 'completed',
    dataset: 'numbers',
  })
})
