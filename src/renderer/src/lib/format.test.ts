import { expect, test } from 'vitest'
import { formatKey } from './format'

test('keys of files and tools read as labels', () => {
  expect(formatKey('coresPhysical')).toBe('Cores physical')
  expect(formatKey('avx512')).toBe('Avx512')
  expect(formatKey('irVersion')).toBe('IR version')
  expect(formatKey('operators')).toBe('Operators')
})
