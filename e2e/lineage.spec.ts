import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { fixtures, Serve } from './support/serve'

const mnist = join(fixtures, 'mnist_cnn.onnx')
let serve: Serve
let folder: string
test.beforeAll(async () => {
  serve = await Serve.start()
  folder = await mkdtemp(join(tmpdir(), 'llmagentos-lineage-'))
  await writeFile(join(folder, 'digits.csv'), 'pixel,label\n0.5,3\n')
  await serve.import(join(folder, 'digits.csv'))
  await serve.import(join(fixtures, 'silero_vad_v5.onnx'), 'base')
  await serve.call('PUT', '/models/base/aliases/production', { version: 1 })
})
test.afterAll(async () => {
  await serve?.dispose()
  await rm(folder, { recursive: true, force: true })
})

async function ended(started: { status: number; body: { id: string } }) {
  expect(started.status, JSON.stringify(started.body)).toBe(202)
  return serve.until(`/imports/${started.body.id}`, ({ state }) => state !== 'running')
}

const lineage = async (model: string, of = serve) =>
  (await of.call('GET', `/models/${model}/versions/1`)).body.lineage

test('who imports a model says what it was made from; an alias means what it points to now', async () => {
  const job = (await serve.call('POST', '/jobs', { kind: 'synthetic', durationMs: 1 })).body
  const madeFrom = { models: ['base@production'], datasets: ['digits@latest'], job: job.id }
  await ended(await serve.call('POST', '/imports', { path: mnist, name: 'tuned', madeFrom }))
  expect(await lineage('tuned')).toMatchObject({ models: ['base@1'], datasets: ['digits@1'], job: job.id })
  const graph = (await serve.call('GET', '/models/tuned/lineage')).body
  expect(graph.edges).toEqual(
    expect.arrayContaining([
      { from: 'model:base@1', to: `job:${job.id}` },
      { from: 'dataset:digits@1', to: `job:${job.id}` },
      { from: `job:${job.id}`, to: 'model:tuned@1' },
    ]),
  )
  expect(await serve.call('DELETE', '/datasets/digits/versions/1')).toMatchObject({
    status: 409,
    body: { error: { code: 'storage.in_use' } },
  })
})

test('an upload says it too, and a confirmation adds to it', async () => {
  const form = new FormData()
  form.append('file', new File([await readFile(mnist)], 'tuned.onnx'))
  const waiting = await ended(await serve.call('POST', '/imports?review=true&madeFromModel=base@1', form))
  expect(waiting).toMatchObject({ state: 'waiting' })
  const madeFrom = { models: ['base@1'], datasets: ['digits@1'] }
  await serve.call('POST', `/imports/${waiting.id}/confirm`, { name: 'uploaded', madeFrom })
  expect(await lineage('uploaded')).toMatchObject({ models: ['base@1'], datasets: ['digits@1'], job: null })
})

test('what is not here, or is nothing, is no origin', async () => {
  const models = async () => (await serve.call('GET', '/models')).body.items
  const before = await models()
  const refused = async (madeFrom: object) =>
    (await serve.call('POST', '/imports', { path: mnist, madeFrom })).body.error?.code
  expect(await refused({ models: ['base@2'] })).toBe('storage.not_found')
  expect(await refused({ datasets: ['nothing@1'] })).toBe('storage.not_found')
  expect(await refused({ job: 'j-none' })).toBe('compute.not_found')
  expect(await refused({ models: ['base'] })).toBe('system.invalid')
  expect(await refused({ model: ['base@1'] })).toBe('system.invalid')
  const form = new FormData()
  form.append('file', new File(['x'], 'x.onnx'))
  expect((await serve.call('POST', '/imports?madeFromModel=base', form)).body.error).toMatchObject({
    code: 'system.invalid',
    details: { field: 'madeFrom.models.0' },
  })
  expect(await models()).toEqual(before)
})

test('probing: an app cannot ask by an origin what it may not read', async () => {
  const app = (await serve.call('POST', '/principals', { kind: 'app', name: 'Ci', roles: ['app'] })).body
  const { key } = (await serve.call('POST', `/principals/${app.id}/keys`, {})).body
  const text = `permit(principal == App::"${app.id}", action == Action::"model.import", resource);`
  await serve.call('PUT', '/policies/ci', { text })
  for (const origin of ['madeFromModel=base@1', 'madeFromModel=nothing@1', 'madeFromDataset=digits@1']) {
    const form = new FormData()
    form.append('file', new File([await readFile(mnist)], 'm.onnx'))
    expect(await serve.call('POST', `/imports?${origin}`, form, key), origin).toMatchObject({
      status: 403,
      body: { error: { code: 'security.denied' } },
    })
  }
})

test('probing: whether others have the same bytes is not told to who may not read them', async () => {
  const app = (await serve.call('POST', '/principals', { kind: 'app', name: 'Other', roles: ['app'] })).body
  const { key } = (await serve.call('POST', `/principals/${app.id}/keys`, {})).body
  const text = `permit(principal == App::"${app.id}", action in [Action::"model.import", Action::"model.list"], resource);
forbid(principal == App::"${app.id}", action == Action::"model.read", resource == Model::"base");`
  expect((await serve.call('PUT', '/policies/other', { text })).status).toBeLessThan(300)
  const form = new FormData()
  form.append('file', new File([await readFile(join(fixtures, 'silero_vad_v5.onnx'))], 'mine.onnx'))
  const { id } = (await serve.call('POST', '/imports?review=true', form, key)).body
  const knownAs = [{ model: 'base', version: 1 }]
  const waiting = await serve.until(`/imports/${id}`, ({ state }) => state === 'waiting')
  expect(waiting.suggestion).toMatchObject({ knownAs })
  for (const seen of [
    (await serve.call('GET', `/imports/${id}`, undefined, key)).body,
    (await serve.call('GET', '/imports', undefined, key)).body.items[0],
  ])
    expect(seen).toMatchObject({ id, suggestion: { name: 'mine', knownAs: [] } })
})

test('an exported version says what it was made from; elsewhere that means the same bytes', async () => {
  const madeFrom = { models: ['base@1'], datasets: ['digits@1'] }
  await ended(await serve.call('POST', '/imports', { path: mnist, name: 'exported', madeFrom }))
  const headers = { authorization: `Bearer ${serve.ownerKey}` }
  const archive = await fetch(`${serve.url}/api/models/exported/versions/1/archive`, { headers })
  const path = join(folder, 'exported.tar')
  await writeFile(path, Buffer.from(await archive.arrayBuffer()))
  const there = await Serve.start()
  try {
    // Other bytes have the number there that the origin has here.
    await there.import(join(fixtures, 'ch_ppocr_mobile_v2.0_cls_infer.onnx'), 'base')
    await there.import(join(fixtures, 'silero_vad_v5.onnx'), 'base')
    expect(await there.import(path)).toMatchObject({ state: 'completed', model: 'exported' })
    expect(await lineage('exported', there)).toMatchObject({ models: ['base@2'], datasets: [] })
  } finally {
    await there.dispose()
  }
})
