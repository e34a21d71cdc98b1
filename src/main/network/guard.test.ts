import { expect, test } from 'vitest'
import { assertLocal } from './guard'

test('on port 80 the host is named without it', () => {
  assertLocal({ host: 'localhost', origin: 'http://localhost' }, 80, false)
  assertLocal({ host: '127.0.0.1:80' }, 80, false)
  expect(() => assertLocal({ host: 'evil.example' }, 80, false)).toThrow('refused')
  expect(() => assertLocal({ host: 'localhost' }, 8080, false)).toThrow('refused')
})
