import { afterEach, expect, it, vi } from 'vitest'
import { AnsweredError, type ErrorView } from './errors'
import { type LinkOptions, largeOverRest } from './transport'

vi.mock('@mantine/notifications', () => ({ notifications: { show: () => undefined } }))
vi.mock('./i18n', () => ({ i18n: { t: (key: string) => key } }))

afterEach(() => vi.unstubAllGlobals())

const options = { context: {} } as LinkOptions
const job = (length: number) => ({ kind: 'infer', inputs: { x: { base64: 'A'.repeat(length) } } })

it('large jobs go over the REST API, everything else over the socket', async () => {
  const asked: string[] = []
  vi.stubGlobal('fetch', async (route: string, { body }: { body: string }) => {
    asked.push(`${route} ${JSON.parse(body).inputs.x.base64.length}`)
    return Response.json({ id: 'job-1' }, { status: 201 })
  })
  const link = largeOverRest({ call: async (path) => void asked.push(path.join('.')) })
  expect(await link.call(['compute', 'jobs', 'submit'], job(300_000), options)).toEqual({ id: 'job-1' })
  await link.call(['compute', 'jobs', 'submit'], job(10), options)
  await link.call(['security', 'policies', 'validate'], { text: 'x'.repeat(90_000) }, options)
  expect(asked).toEqual(['/api/jobs 300000', 'compute.jobs.submit', 'security.policies.validate'])
})

it('what the REST API refuses is an error as it says it', async () => {
  const error: ErrorView = { code: 'security.denied', message: 'Denied.', details: {} }
  vi.stubGlobal('fetch', async () => Response.json({ error }, { status: 403 }))
  const link = largeOverRest({ call: async () => undefined })
  const refused = link.call(['compute', 'pipelines', 'submit'], job(300_000), options)
  await expect(refused).rejects.toEqual(new AnsweredError(error))
})
