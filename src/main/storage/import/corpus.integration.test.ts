import { existsSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildInspectWorker } from '../testing/build-worker'
import { FIXTURES } from '../testing/fixtures'
import { runCorpus } from './corpus'

let folder: string
let worker: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'llmagentos-corpus-'))
  worker = await buildInspectWorker(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('gives every item of the public corpus the verdict it must get, and runs nothing of it', async () => {
  const corpus = join(folder, 'corpus')
  await cp(join(FIXTURES, 'imports'), corpus, { recursive: true })
  const index = JSON.parse(await readFile(join(corpus, 'index.json'), 'utf8'))
  // Names that no checkout on Windows could hold.
  const names =
    process.platform === 'win32' ? [] : [`${'n'.repeat(245)}.onnx`, '<img src=x onerror=alert(1)>.onnx']
  for (const file of names) {
    await cp(join(corpus, 'good/identity.onnx'), join(corpus, file))
    index.items.push({ file, expected: 'accept' })
  }
  await writeFile(join(corpus, 'index.json'), JSON.stringify(index))
  const { items, right, total, wrong } = await runCorpus(corpus, worker)
  expect(wrong).toEqual([])
  expect([right, total]).toEqual([28 + names.length, 28 + names.length])
  for (const { verdict, findings } of items) {
    if (verdict !== 'accept') expect(findings.some((finding) => finding.severity !== 'info')).toBe(true)
    for (const { message } of findings) expect(message).toMatch(/^[A-Z"].{10,}\.$/s)
  }
  expect(['', '_open_write'].some((suffix) => existsSync(`/tmp/aios-canary${suffix}`))).toBe(false)
}, 120_000)

it('goes on with the others when one cannot be read', async () => {
  const corpus = join(folder, 'gaps')
  await cp(join(FIXTURES, 'imports/good/identity.onnx'), join(corpus, 'good.onnx'))
  const items = ['gone.onnx', 'good.onnx'].map((file) => ({ file, expected: 'accept' }))
  await writeFile(join(corpus, 'index.json'), JSON.stringify({ items }))
  const run = await runCorpus(corpus, worker)
  expect(run.items.map(({ verdict }) => verdict)).toEqual(['reject', 'accept'])
  expect(run.wrong).toHaveLength(1)
})

it('says that a folder has no index', async () => {
  await expect(runCorpus(folder, worker)).rejects.toMatchObject({ code: 'ENOENT' })
})
