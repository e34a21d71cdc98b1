import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CoreSets, type Cpu } from './core-sets'

/** Two nodes of two cores with two threads each: 0-3 and 4-7. */
const CPUS: Cpu[] = Array.from({ length: 8 }, (_, id) => ({
  id,
  core: `core ${Math.floor(id / 2)}`,
  node: Math.floor(id / 4),
}))

describe('the CPUs of a lease', () => {
  it('are physical cores that nobody uses before those that somebody does', () => {
    const sets = new CoreSets(CPUS)
    expect(sets.assign('a', 1)).toEqual([0])
    expect(sets.assign('b', 1)).toEqual([2])
    expect(sets.assign('c', 2)).toEqual([1, 3])
  })

  it('are of one memory node, of the one where the fewest are left over', () => {
    const sets = new CoreSets(CPUS)
    sets.assign('a', 1)
    expect(sets.assign('b', 4)).toEqual([4, 5, 6, 7])
    expect(sets.assign('c', 3)).toEqual([1, 2, 3])
    expect(new CoreSets(CPUS).assign('a', 6)).toHaveLength(6)
  })

  it('are of the node that is preferred, wherever they were, while enough of its are free', () => {
    const sets = new CoreSets(CPUS)
    expect(sets.assign('a', 2, 1)).toEqual([4, 6])
    expect(sets.assign('b', 3, 1)).toEqual([0, 1, 2])
    expect(sets.assign('a', 2, 0)).toEqual([4, 6])
    sets.release('b')
    expect(sets.assign('a', 2, 0)).toEqual([0, 2])
    expect(sets.assign('b', 3, 1)).toEqual([4, 5, 6])
    // There is none of that number.
    expect(sets.assign('c', 1, 7)).toEqual([7])
  })

  it('stay where they are while nothing is better', () => {
    const sets = new CoreSets(CPUS)
    sets.assign('a', 1)
    expect(sets.assign('b', 1)).toEqual([2])
    sets.release('a')
    expect(sets.assign('b', 1)).toEqual([2])
    expect(sets.assign('b', 2)).toEqual([0, 2])
  })

  it('are shared by parts of cores when there are no others', () => {
    const sets = new CoreSets(CPUS.slice(0, 2))
    expect(sets.assign('a', 0.5)).toEqual([0])
    expect(sets.assign('b', 1)).toEqual([1])
    expect(sets.assign('c', 0.5)).toEqual([0])
    expect(sets.assign('d', 9)).toEqual([0, 1])
  })

  it('are as many as leased, and no two leases share one as long as whole leases fit', () => {
    const step = fc.record({ owner: fc.constantFrom('a', 'b', 'c', 'd'), cores: fc.nat({ max: 9 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const sets = new CoreSets(CPUS)
        const held = new Map<string, readonly number[]>()
        // Cores that two share have to be given back before others can be free again.
        let hasShared = false
        for (const { owner, cores } of steps) {
          held.delete(owner)
          if (cores === 0) {
            sets.release(owner)
            continue
          }
          const taken = new Set([...held.values()].flat())
          const ids = sets.assign(owner, cores)
          held.set(owner, ids)
          expect(new Set(ids).size).toBe(Math.min(cores, CPUS.length))
          if (taken.size + cores > CPUS.length) hasShared = true
          else if (!hasShared) expect(ids.filter((id) => taken.has(id))).toEqual([])
        }
      }),
    )
  })
})
