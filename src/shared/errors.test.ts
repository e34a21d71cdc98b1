import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { AppError, ERROR_STATUS, toErrorView } from './errors'

test('docs/errors.md lists exactly the errors there are, with their status', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const documented = [...page.matchAll(/^\| `([\w.]+)` \| (\d{3}) \| \S/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ])
  expect(Object.fromEntries(documented)).toEqual(ERROR_STATUS)
})

test('an unexpected error crosses a boundary with nothing of the machine in it', () => {
  const view = toErrorView(new Error('ENOENT: /home/marie/secret'))
  expect(view.code).toBe('internal')
  expect(JSON.stringify(view)).not.toContain('marie')
  expect(toErrorView(new AppError('core.in_use', 'Held.', { holder: 'x' }))).toEqual({
    code: 'core.in_use',
    message: 'Held.',
    details: { holder: 'x' },
  })
})
