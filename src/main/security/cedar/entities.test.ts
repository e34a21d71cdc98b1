import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatUid, isWellFormed, parseResource, sliceEntities } from './entities'

describe('the Cedar form of a resource', () => {
  it('is read back as it was, whatever is in the id', () => {
    const types = fc.constantFrom('Model' as const, 'ModelRef' as const, 'Job' as const, 'Lease' as const)
    fc.assert(
      fc.property(types, fc.string({ unit: 'binary' }), (type, id) => {
        const text = formatUid({ type, id })
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u)
        expect(parseResource(text)).toEqual({ type, id })
      }),
    )
  })

  it.each([
    ['', 'no text'],
    ['Model', 'no id'],
    ['Model::silero', 'no quotes'],
    ['Nothing::"x"', 'no such type'],
    ['Model::"a" || true', 'policy injection behind it'],
    ['Model::"a"b"', 'an open quote'],
    ['Model::"\\q"', 'no such escape'],
    ['Model::"\\u{d800}"', 'half a character'],
    ['Model::"\\u{110000}"', 'beyond Unicode'],
    ['System::"other"', 'another system'],
  ])('%s is refused: %s', (text) => {
    expect(() => parseResource(text)).toThrow(expect.objectContaining({ code: 'system.invalid' }))
  })
})

describe('slices', () => {
  const principal = { kind: 'app' as const, id: 'a', name: 'A', roles: ['app' as const] }

  it('hold the principal, the resource and their parents, nothing else', () => {
    expect(sliceEntities(principal, { type: 'ModelRef', id: 'm@production', version: 3 })).toEqual([
      {
        uid: { type: 'App', id: 'a' },
        attrs: { id: 'a', name: 'A' },
        parents: [{ type: 'Role', id: 'app' }],
      },
      {
        uid: { type: 'ModelRef', id: 'm@production' },
        attrs: { model: 'm', version: 3 },
        parents: [{ type: 'Model', id: 'm' }],
      },
    ])
    expect(sliceEntities(principal, { type: 'System', id: 'x' })).toHaveLength(1)
  })

  it('leave out a version that is none', () => {
    for (const version of [Number.NaN, 1.5, Number.POSITIVE_INFINITY, undefined]) {
      expect(sliceEntities(principal, { type: 'ModelRef', id: 'm@1', version })[1]?.attrs).toEqual({
        model: 'm',
      })
    }
  })
})

it('half a surrogate pair is no text', () => {
  expect(isWellFormed('\ud800')).toBe(false)
  expect(isWellFormed('😀')).toBe(true)
})
