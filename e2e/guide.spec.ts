import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@playwright/test'
import { Serve } from './support/serve'

const root = join(import.meta.dirname, '..')

const docs = join(root, 'docs')

/** The blocks of a page in a language. */
async function blocks(page: string, language: string): Promise<string[]> {
  const text = await readFile(join(docs, page), 'utf8')
  const fenced = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms')
  return [...text.matchAll(fenced)].map(([, block = '']) => block)
}

/** @param env what a reader has set before */
async function run(script: string, env: Record<string, string>): Promise<string> {
  // Coloured, a number is none.
  const all = { ...process.env, FORCE_COLOR: '0', ...env }
  return (await promisify(execFile)('sh', ['-eu', '-c', script], { cwd: root, env: all })).stdout
}

let serve: Serve
test.beforeAll(async () => {
  serve = await Serve.start()
})
test.afterAll(() => serve.dispose())

test('the commands of the guide let an app in, and nothing else', async () => {
  // biome-ignore lint/suspicious/noSkippedTests: its commands are for a POSIX shell
  test.skip(process.platform === 'win32', 'The commands are for a POSIX shell.')
  const script = (await blocks('guide.md', 'sh')).find((text) => text.startsWith('field()'))
  if (script === undefined) throw new Error('The guide has no such commands any more.')
  const stdout = await run(script, { API: `${serve.url}/api`, OWNER: serve.ownerKey })
  const [probability, code] = stdout.trim().split('\n').slice(-2)
  expect(Number(probability?.replace(/[[\] ]/g, ''))).toBeLessThan(0.1)
  expect(code).toBe('security.denied')
})

test('the pipeline of the guide runs, and what is meant for its failure does not', async () => {
  const imported = await serve.call('POST', '/imports/sample', { sample: 'digits' })
  await serve.until(`/imports/${imported.body.id}`, ({ state }) => state === 'completed')
  const [text] = (await blocks('guide.md', 'json')).filter((block) => block.includes('"Evaluate"'))
  const { body } = await serve.call('POST', '/pipelines', JSON.parse(text ?? ''))
  const states = async () => {
    const { jobs } = (await serve.call('GET', `/pipelines/${body.id}`)).body
    return jobs.map(({ key, job }: { key: string; job: { state: string } }) => `${key} ${job.state}`)
  }
  await expect.poll(states).toEqual(['prepare succeeded', 'measure succeeded', 'alert cancelled'])
})

test('the commands of the page on security let an app run one model, and no other', async () => {
  // biome-ignore lint/suspicious/noSkippedTests: its commands are for a POSIX shell
  test.skip(process.platform === 'win32', 'The commands are for a POSIX shell.')
  await serve.import(join(root, 'fixtures', 'mnist_cnn.onnx'))
  await serve.call('PUT', '/models/mnist-cnn/aliases/production', { version: 1 })
  const script = (await blocks('security.md', 'sh')).find((block) => block.includes('as_owner()'))
  // A second app beside that of the guide.
  const own = script?.replaceAll('notes-app', 'digits-app') ?? ''
  const stdout = await run(own, { URL: serve.url, OWNER: serve.ownerKey })
  const answers = stdout.split(/(?<=\})(?=\{)/).map((answer) => JSON.parse(answer))
  const job = answers.find(({ kind }) => kind === 'benchmark')
  await expect.poll(async () => (await serve.call('GET', `/jobs/${job.id}`)).body.state).toBe('succeeded')
  expect(answers.find(({ error }) => error)?.error.code).toBe('security.denied')
  expect(answers.at(-1).items[0]).toMatchObject({ principal: 'digits-app', decision: 'deny' })
})
