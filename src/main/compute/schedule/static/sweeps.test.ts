import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readDagCase } from './dag-case'
import { heft } from './list-scheduling'
import { planGraph } from './planner'
import { sweepSearch } from './sweeps'
import { problemsOf } from './testing/check-schedule'
import { graphs } from './testing/graphs'

const CASES = join(import.meta.dirname, '../../../../../fixtures/cases')
const LARGE = 'rnd-v1000-a1-d4-c1-b1-p16-s501.json'

const sweeps = (count: number) => {
  let looks = 0
  return () => looks++ / count
}

describe('sweepSearch', () => {
  it('gives valid schedules that are never worse than where it began', () => {
    fc.assert(
      fc.property(graphs(30), fc.integer(), (dag, seed) => {
        const start = heft(dag)
        const found = sweepSearch(dag, start, { seed, progress: sweeps(20), lowerBound: 0 })
        expect(problemsOf(dag, found)).toEqual([])
        expect(found.makespan).toBeLessThanOrEqual(start.makespan * (1 + 1e-9))
      }),
      { numRuns: 300 },
    )
  })

  it('leaves alone what is done or runs', () => {
    fc.assert(
      fc.property(graphs(20, { withPast: true }), fc.integer(), (dag, seed) => {
        const found = sweepSearch(dag, heft(dag), { seed, progress: sweeps(20), lowerBound: 0 })
        expect(problemsOf(dag, found)).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it('finds much better ones for many tasks, the same for the same seed', () => {
    const { dag } = readDagCase(JSON.parse(readFileSync(join(CASES, LARGE), 'utf8')))
    const search = () => sweepSearch(dag, heft(dag), { seed: 3, progress: sweeps(60), lowerBound: 0 })
    const found = search()
    expect(found).toEqual(search())
    expect(found.makespan / heft(dag).makespan).toBeLessThan(0.97)
    const planned = () =>
      planGraph(dag, { budgetMs: Number.POSITIVE_INFINITY, now: () => 0, maxSteps: 5_000 })
    expect(problemsOf(dag, planned().schedule)).toEqual([])
    expect(planned()).toEqual(planned())
  })
})
