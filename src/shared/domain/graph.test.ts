import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { criticalPath, type GraphNode, topologicalOrder, upwardRanks } from './graph'

/** Random graphs in which each node depends on earlier ones, given in any order. */
const acyclic = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 12 })
  .chain((rows) => {
    const nodes = rows.map((picks, i) => ({
      key: `n${i}`,
      dependsOn: i === 0 ? [] : [...new Set(picks.map((pick) => `n${pick % i}`))],
    }))
    return fc.shuffledSubarray(nodes, { minLength: nodes.length, maxLength: nodes.length })
  })

const orderOf = (nodes: readonly GraphNode[]) => {
  const sorted = topologicalOrder(nodes)
  if ('cycle' in sorted) throw new Error(`a cycle: ${sorted.cycle.join(' ')}`)
  return sorted.order
}

describe('topologicalOrder', () => {
  it('puts every node behind all that it depends on, once', () => {
    fc.assert(
      fc.property(acyclic, (nodes) => {
        const keys = orderOf(nodes).map(({ key }) => key)
        expect([...keys].sort()).toEqual(nodes.map(({ key }) => key).sort())
        for (const { key, dependsOn } of nodes)
          for (const dependency of dependsOn) expect(keys.indexOf(dependency)).toBeLessThan(keys.indexOf(key))
      }),
    )
  })

  it('names a cycle, each of it depending on the next', () => {
    fc.assert(
      fc.property(acyclic, fc.nat(), fc.nat(), (nodes, a, b) => {
        const from = nodes[a % nodes.length] as GraphNode
        const to = nodes[b % nodes.length] as GraphNode
        const closed = nodes.map((node) =>
          node === from ? { ...node, dependsOn: [...node.dependsOn, to.key] } : node,
        )
        const sorted = topologicalOrder(closed)
        if ('order' in sorted) return
        const { cycle } = sorted
        expect(cycle.length).toBeGreaterThan(0)
        cycle.forEach((key, i) => {
          const next = cycle[(i + 1) % cycle.length]
          expect(closed.find((node) => node.key === key)?.dependsOn).toContain(next)
        })
      }),
    )
    expect(topologicalOrder([{ key: 'a', dependsOn: ['a'] }])).toEqual({ cycle: ['a'] })
  })
})

describe('criticalPath', () => {
  it('is the longest way, as trying all ways finds it', () => {
    fc.assert(
      fc.property(acyclic, fc.array(fc.nat(9), { minLength: 12, maxLength: 12 }), (nodes, lengths) => {
        const lengthOf = (key: string) => lengths[Number(key.slice(1))] ?? 0
        const longestTo = (key: string): number => {
          const before = nodes.find((node) => node.key === key)?.dependsOn ?? []
          return lengthOf(key) + Math.max(0, ...before.map(longestTo))
        }
        const order = orderOf(nodes)
        const path = criticalPath(order, lengthOf)
        expect(path.length).toBe(Math.max(...nodes.map(({ key }) => longestTo(key))))
        expect(path.keys.reduce((sum, key) => sum + lengthOf(key), 0)).toBe(path.length)
        path.keys.slice(1).forEach((key, i) => {
          expect(nodes.find((node) => node.key === key)?.dependsOn).toContain(path.keys[i])
        })
        expect(Math.max(...upwardRanks(order, lengthOf).values())).toBe(path.length)
      }),
    )
  })

  it('looks at each node a few times, however many lie on the longest way', () => {
    let looks = 0
    const chain = Array.from({ length: 1000 }, (_, i) => ({
      key: `n${i}`,
      get dependsOn() {
        looks++
        return i === 0 ? [] : [`n${i - 1}`]
      },
    }))
    expect(criticalPath(chain, () => 1).keys).toHaveLength(1000)
    expect(looks).toBeLessThan(10 * chain.length)
  })
})
