import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { type Answer, fixtures, Serve } from './support/serve'

let serve: Serve
test.beforeAll(async () => {
  serve = await Serve.start()
  await serve.import(join(fixtures, 'tiny-story.gguf'), 'story')
  await serve.import(join(fixtures, 'mnist_cnn.onnx'), 'digits')
})
test.afterAll(() => serve.dispose())

const submit = (jobs: object[], more: object = {}, key?: string) =>
  serve.call('POST', '/pipelines', { name: 'test', jobs, ...more }, key)
const ended = (id: string) =>
  serve.until(`/pipelines/${id}`, ({ state }: Answer['body']) => state !== 'running', 60_000)
const jobOf = (pipeline: Answer['body'], key: string) =>
  pipeline.jobs.find((member: { key: string }) => member.key === key).job
const load = (key: string, more: object = {}) => ({ key, kind: 'synthetic', durationMs: 20, ...more })

test('a text goes from one model to the next, and a second run takes over what has not changed', async () => {
  const write = (key: string, prompt: unknown, maxTokens: number) => ({
    key,
    kind: 'generate',
    model: 'story@1',
    temperature: 0,
    seed: 1,
    prompt,
    maxTokens,
  })
  const jobs = (words: number) => [
    write('begin', 'The control room', 30),
    write('go-on', { fromJob: 'begin', template: 'The control room{text}' }, words),
  ]
  const first = await submit(jobs(400))
  expect(first).toMatchObject({
    status: 201,
    body: { state: 'running', jobs: [{}, { dependsOn: ['begin'] }] },
  })
  const end = await ended(first.body.id)
  expect(end.state).toBe('succeeded')
  const textOf = async (pipeline: Answer['body'], key: string) =>
    (await serve.call('GET', `/jobs/${jobOf(pipeline, key).id}/result`)).body.text
  const [begin, goOn] = [await textOf(end, 'begin'), await textOf(end, 'go-on')]
  expect(`The control room${begin}${goOn}`).toMatch(
    /hums at night.*every answer has a name, a time and a source\./s,
  )
  expect(end.criticalPath.keys).toEqual(['begin', 'go-on'])

  const again = await submit(jobs(5))
  expect(jobOf(again.body, 'begin').reusedFrom).toBe(jobOf(end, 'begin').id)
  expect(jobOf(again.body, 'go-on').reusedFrom).toBeNull()
  const secondEnd = await ended(again.body.id)
  expect((await textOf(secondEnd, 'go-on')).length).toBeLessThan(goOn.length)
})

test('a failure runs what was made for it, and a retry does what is left', async () => {
  const { body } = await submit([
    load('prepare'),
    load('broken', { dependsOn: ['prepare'], fail: 'error' }),
    load('report', { dependsOn: ['broken'] }),
    load('alert', { dependsOn: ['broken'], runWhen: 'failed' }),
  ])
  const end = await ended(body.id)
  expect(end.jobs.map(({ key, job }: Answer['body']) => [key, job.error?.code ?? job.state])).toEqual([
    ['prepare', 'succeeded'],
    ['broken', 'compute.runtime_failed'],
    ['report', 'compute.dependency_failed'],
    ['alert', 'succeeded'],
  ])
  expect(end.state).toBe('failed')
  const retried = await serve.call('POST', `/pipelines/${body.id}/retry`)
  expect(retried).toMatchObject({ status: 201, body: { name: 'test', jobs: [{}, {}, {}, {}] } })
  expect((await ended(retried.body.id)).state).toBe('failed')
  const { items } = (await serve.call('GET', '/pipelines?limit=2')).body
  expect(items.map(({ id }: Answer['body']) => id)).toEqual([retried.body.id, body.id])
})

test('what cannot be is refused whole, with the job and the reason', async () => {
  const before = (await serve.call('GET', '/jobs?limit=1')).body.items[0]?.id
  const refused = async (jobs: object[], words: RegExp) => {
    const { status, body } = await submit(jobs)
    expect([status, body.error?.message]).toEqual([422, expect.stringMatching(words)])
  }
  await refused([load('a', { dependsOn: ['b'] }), load('b', { dependsOn: ['a'] })], /wait for each other/)
  await refused([load('a'), load('a')], /"a" stands twice/)
  await refused([load('a', { dependsOn: ['nobody'] })], /"nobody", which is no job/)
  await refused([load('a', { need: { fpga: 4 } })], /^Job "a": /)
  const infer = (input: object) => ({ key: 'b', kind: 'infer', model: 'digits@1', inputs: { image: input } })
  await refused([load('a'), infer({ fromJob: 'a', output: 'x' })], /^Job "b": .*synthetic/)
  expect((await serve.call('GET', '/jobs?limit=1')).body.items[0]?.id).toBe(before)
  expect(await submit([], {})).toMatchObject({ status: 422, body: { error: { code: 'system.invalid' } } })
})

test('kill -9 in the middle: every job ends once, after those it waited for', async () => {
  const chain = Array.from({ length: 8 }, (_, i) =>
    load(`step-${i}`, { durationMs: 150, dependsOn: i === 0 ? [] : [`step-${i - 1}`] }),
  )
  const { body } = await submit(chain)
  await serve.until(`/pipelines/${body.id}`, ({ jobs }) => jobs[2].job.startedAt !== null)
  await serve.kill()
  await serve.restart()
  const end = await ended(body.id)
  expect(end.state).toBe('succeeded')
  for (let i = 1; i < 8; i++)
    expect(Date.parse(end.jobs[i].job.startedAt)).toBeGreaterThanOrEqual(
      Date.parse(end.jobs[i - 1].job.finishedAt),
    )
})

test('spying: an app neither takes outputs of jobs of others nor sees their pipelines, nor runs a model inside one', async () => {
  const { id } = (await serve.call('POST', '/principals', { kind: 'app', name: 'Spy', roles: ['app'] })).body
  const { key } = (await serve.call('POST', `/principals/${id}/keys`, {})).body
  const text = `permit(principal == App::"${id}", action in [Action::"job.submit", Action::"job.list"], resource);`
  await serve.call('PUT', '/policies/spy', { text })
  const secret = (await submit([load('secret')])).body
  const victim = jobOf(secret, 'secret').id
  const denied = { status: 403, body: { error: { code: 'security.denied' } } }
  expect(await serve.call('GET', `/pipelines/${secret.id}`, undefined, key)).toMatchObject(denied)
  expect(await serve.call('POST', `/pipelines/${secret.id}/cancel`, undefined, key)).toMatchObject(denied)
  expect((await serve.call('GET', '/pipelines', undefined, key)).body.items).toEqual([])
  const wait = { kind: 'synthetic', durationMs: 1, dependsOn: [victim] }
  expect(await serve.call('POST', '/jobs', wait, key)).toMatchObject(denied)
  const run = { key: 'r', kind: 'generate', model: 'story@1', prompt: 'The' }
  expect(await submit([load('a'), run], {}, key)).toMatchObject(denied)
  expect((await submit([load('a'), load('b', { dependsOn: ['a'] })], {}, key)).status).toBe(201)
})
