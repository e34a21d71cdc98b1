import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { digitsAsNpy } from './support/digits'
import { fixtures, Serve } from './support/serve'

let serve: Serve
let folder: string
test.beforeAll(async () => {
  serve = await Serve.start()
  folder = await mkdtemp(join(tmpdir(), 'llmagentos-data-'))
  await serve.import(join(fixtures, 'mnist_cnn.onnx'), 'digits-model')
  expect(await serve.import(await digitsAsNpy(folder))).toMatchObject({ dataset: 'digits', version: 1 })
})
test.afterAll(() => serve.dispose())

test('a batch reads a data set, and its results become one whose lineage names model, data and job', async () => {
  const submitted = await serve.call('POST', '/jobs', {
    kind: 'batch',
    model: 'digits-model@1',
    dataset: 'digits@latest',
    batchSize: 25,
    waitMs: 60_000,
  })
  expect(submitted.body).toMatchObject({ state: 'succeeded', dataset: 'digits@1' })
  const job = submitted.body.id
  const reference = new Float32Array((await readFile(join(fixtures, 'ref100.f32'))).buffer.slice(0))
  expect(submitted.body.result.items).toHaveLength(100)

  const kept = await serve.call('POST', `/jobs/${job}/dataset`, { name: 'digit-scores' })
  expect(kept.status).toBe(202)
  const ended = await serve.until(`/imports/${kept.body.id}`, (body) => body.state !== 'running')
  expect(ended).toMatchObject({ state: 'completed', dataset: 'digit-scores', version: 1 })
  const version = (await serve.call('GET', '/datasets/digit-scores/versions/1')).body
  expect(version).toMatchObject({
    rows: 100,
    format: 'jsonl',
    lineage: { job, models: ['digits-model@1'], datasets: ['digits@1'] },
  })
  const { items } = (await serve.call('GET', '/datasets/digit-scores/versions/1/rows?offset=40&limit=1')).body
  const [output] = version.columns.map((column: { name: string }) => column.name)
  const scores = JSON.parse(items[0][output]) as number[]
  for (const [digit, score] of scores.entries())
    expect(score).toBeCloseTo(reference[400 + digit] ?? Number.NaN, 4)

  const retried = await serve.call('POST', `/jobs/${job}/retry`)
  expect(retried.body).toMatchObject({ kind: 'batch', dataset: 'digits@1' })
})

test('what does not fit is refused with the columns there are', async () => {
  const path = join(folder, 'flowers.csv')
  await writeFile(path, 'width,height,species\n1,2,setosa\n3,4,virginica\n')
  await serve.import(path)
  const submit = (more: object) =>
    serve.call('POST', '/jobs', { kind: 'batch', model: 'digits-model@1', ...more })
  const unfit = await submit({ dataset: 'flowers@1' })
  expect(unfit.status).toBe(422)
  expect(unfit.body.error.message).toContain('Item 0')
  const unknown = await submit({ dataset: 'flowers@1', columns: { input: 'depth' } })
  expect(unknown.body.error.message).toContain('"width"')
  expect((await submit({ dataset: 'nothing@1' })).status).toBe(404)
  expect((await submit({})).status).toBe(422)
  expect((await submit({ dataset: 'flowers@1', items: [{}] })).status).toBe(422)
})

test('spying: an app may not read a data set through a job, nor write one over it', async () => {
  const app = (await serve.call('POST', '/principals', { kind: 'app', name: 'Reader', roles: ['app'] })).body
  const { key } = (await serve.call('POST', `/principals/${app.id}/keys`, {})).body
  const permit = (what: string) => `permit(principal == App::"${app.id}", ${what});`
  const run = permit('action == Action::"model.run", resource')
  await serve.call('PUT', '/policies/reader-runs', { text: run })
  const batch = { kind: 'batch', model: 'digits-model@1', dataset: 'digits@1', waitMs: 60_000 }
  expect((await serve.call('POST', '/jobs', batch, key)).status).toBe(403)

  const read = permit('action == Action::"dataset.read", resource == Dataset::"digits"')
  await serve.call('PUT', '/policies/reader-reads', { text: read })
  const allowed = await serve.call('POST', '/jobs', batch, key)
  expect(allowed.body).toMatchObject({ state: 'succeeded' })
  const kept = await serve.call('POST', `/jobs/${allowed.body.id}/dataset`, { name: 'digits' }, key)
  expect(kept.status).toBe(403)
})
