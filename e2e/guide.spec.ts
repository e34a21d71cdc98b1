import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@playwright/test'
import { Serve } from './support/serve'

const root = join(import.meta.dirname, '..')

test('the commands of the guide let an app in, and nothing else', async () => {
  // biome-ignore lint/suspicious/noSkippedTests: its commands are for a POSIX shell
  test.skip(process.platform === 'win32', 'The commands are for a POSIX shell.')
  const guide = await readFile(join(root, 'docs', 'guide.md'), 'utf8')
  const scripts = [...guide.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, script]) => script ?? [])
  const script = scripts.find((text) => text.startsWith('field()'))
  if (script === undefined) throw new Error('The guide has no such commands any more.')
  const serve = await Serve.start()
  try {
    // Coloured, a number is none.
    const env = { ...process.env, FORCE_COLOR: '0', API: `${serve.url}/api`, OWNER: serve.ownerKey }
    const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', script], { cwd: root, env })
    const [probability, code] = stdout.trim().split('\n').slice(-2)
    expect(Number(probability?.replace(/[[\] ]/g, ''))).toBeLessThan(0.1)
    expect(code).toBe('security.denied')
  } finally {
    await serve.dispose()
  }
})
