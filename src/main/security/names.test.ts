import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanName, foldName, makePrincipalId, oneLine } from './names'

describe('ids of principals', () => {
  it.each([
    ['Notes App', 'notes-app'],
    ['Zoë  Müller!', 'zoe-muller'],
    ['x" || true || "', 'x-true'],
    ['日本', 'app'],
    ['me', 'me-app'],
    ['--', 'app'],
    ['a'.repeat(80), 'a'.repeat(40)],
  ])('%s -> %s', (name, id) => {
    expect(makePrincipalId(name, 'app', () => false)).toBe(id)
  })

  it('are readable and new, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 20 }), (name, taken) => {
        const given = new Set<string>()
        for (let index = 0; index <= taken; index++) {
          const id = makePrincipalId(name, 'user', (candidate) => given.has(candidate))
          expect(id).toMatch(/^[a-z0-9](?:[a-z0-9-]{0,44}[a-z0-9])?$/)
          expect(given.has(id)).toBe(false)
          given.add(id)
        }
      }),
    )
  })
})

it('names that would forge a log or hide are refused', () => {
  for (const name of ['', '  ', 'a\nb', 'a\rb', 'a\0', 'ev\u202eil', 'a\u200bb', 'x'.repeat(81), '\ud800']) {
    expect(() => cleanName(name)).toThrow(expect.objectContaining({ code: 'system.invalid' }))
  }
  expect(cleanName('  Marie "Skłodowska" Curie ')).toBe('Marie "Skłodowska" Curie')
  expect(foldName('MARIE  Curie ')).toBe(foldName('ｍarie curie'))
})

it('one line stays one line, and short', () => {
  expect(oneLine('a\nb\u2028c\ud800')).toBe('a\uFFFDb\uFFFDc\uFFFD')
  expect(oneLine('😀'.repeat(600), 10)).toBe(`${'😀'.repeat(9)}…`)
})
