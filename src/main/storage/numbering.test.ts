import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { AppError } from '../../shared/errors'
import { newNumber } from './numbering'

it('gives the next number, or a greater one that was asked for', () => {
  expect(newNumber('net', 1, null)).toBe(1)
  expect(newNumber('net', 3, null)).toBe(3)
  expect(newNumber('net', 3, 3)).toBe(3)
  expect(newNumber('net', 3, 20_261_129)).toBe(20_261_129)
})

it('says which numbers are left when one was given before', () => {
  expect(() => newNumber('net', 6, 5)).toThrow(
    'net cannot get a version 5: it already has had version 5. Choose 6 or greater, or no number.',
  )
})

it('never gives a number twice, whatever is asked for and in which order', () => {
  const asked = fc.array(fc.option(fc.integer({ min: 1, max: 50 })), { maxLength: 40 })
  void fc.assert(
    fc.property(asked, (wanted) => {
      const given: number[] = []
      for (const number of wanted) {
        const next = (given.at(-1) ?? 0) + 1
        try {
          given.push(newNumber('net', next, number))
        } catch (error) {
          expect(error).toBeInstanceOf(AppError)
          expect(number).toBeLessThan(next)
        }
      }
      expect(given).toEqual([...new Set(given)].sort((a, b) => a - b))
    }),
  )
})
