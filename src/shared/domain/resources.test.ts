import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addVectors, entriesOf, type ResourceVector, subtractVectors, vectorFrom } from './resources'

// Whole numbers, so that sums are exact; among the names one that every object has.
const NAMES = ['cpuCores', 'memoryBytes', 'gpu', 'custom.seats', 'custom.constructor']
const vector = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), fc.nat({ max: 8 })), { selector: ([name]) => name })
  .map((entries): ResourceVector => vectorFrom(entries))
const amount = (of: ResourceVector, name: string) => new Map(entriesOf(of)).get(name) ?? 0

it('adds and subtracts each resource by itself, never below zero, and names none of which there is nothing', () => {
  fc.assert(
    fc.property(vector, vector, (a, b) => {
      const sum = addVectors(a, b)
      const rest = subtractVectors(a, b)
      for (const name of NAMES) {
        expect(amount(sum, name)).toBe(amount(a, name) + amount(b, name))
        expect(amount(rest, name)).toBe(Math.max(0, amount(a, name) - amount(b, name)))
      }
      for (const each of [sum, rest]) expect(vectorFrom(entriesOf(each))).toEqual(each)
      expect(subtractVectors(sum, b)).toEqual(a)
    }),
  )
})
