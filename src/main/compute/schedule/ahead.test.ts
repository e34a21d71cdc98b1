import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JobId, PrincipalId } from '../../../shared/domain/ids'
import { Ahead } from './ahead'
import { Heads, type UrgencyOf } from './heads'
import type { QueueClass, QueuedJob } from './types'

const shortestFirst: UrgencyOf = (_, { runMs }) => runMs ?? 0

/** Jobs in the order of arrival, by their lengths; others arrive between two of them. */
function classOf(key: string, lengths: readonly number[], firstSeq = 0, others = 0): QueueClass {
  const jobs = lengths.map((runMs, i): QueuedJob => {
    const seq = firstSeq + i * (1 + others)
    return { id: `${key}${i}` as JobId, rank: seq, seq, readyAt: 0, priority: 50, runMs, mostMs: runMs }
  })
  const load = { memoryBytes: 0, estimateMs: 0 }
  const principal = 'p' as PrincipalId
  return { key, engineKey: key, principal, need: { cpuCores: 1 }, share: 0, load, jobs, workMs: 0 }
}

function countBefore(ahead: Ahead, group: QueueClass, job: QueuedJob): number {
  return ahead.of(group, job).reduce((sum, [, count]) => sum + count, 0)
}

/** The jobs of all classes as the planner takes them. */
function inOrder(classes: readonly QueueClass[]): QueuedJob[] {
  const heads = new Heads(classes, shortestFirst)
  const order: QueuedJob[] = []
  for (let head = heads.pop(); head; head = heads.pop()) {
    order.push(head.job)
    heads.follow(head)
  }
  return order
}

describe('what goes before a job', () => {
  it('is nothing of a class whose first is longer, however many short ones stand behind that', () => {
    const other = classOf('other', [9_000, ...Array.from({ length: 1_000 }, () => 10)])
    const group = classOf('group', [500], 2_000)
    const [job] = group.jobs as [QueuedJob]
    expect(countBefore(new Ahead([other, group], shortestFirst), group, job)).toBe(0)
  })

  it('is also what goes before a longer one that stands before it in its class', () => {
    const other = classOf('other', [500, 500])
    const group = classOf('group', [9_000, 10], 2)
    const [, job] = group.jobs as [QueuedJob, QueuedJob]
    expect(countBefore(new Ahead([other, group], shortestFirst), group, job)).toBe(3)
  })

  it('is what the planner takes before it, in whatever order that is asked', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(
        fc.array(lengths, { minLength: 1, maxLength: 5 }),
        fc.infiniteStream(fc.nat()),
        (drawn, at) => {
          const classes = drawn.map((each, i) => classOf(`${i} `, each, i, drawn.length - 1))
          const ahead = new Ahead(classes, shortestFirst)
          const order = inOrder(classes)
          const asked = classes.flatMap((group) =>
            group.jobs.map((job) => ({ group, job, by: at.next().value })),
          )
          for (const { group, job } of asked.sort((a, b) => a.by - b.by))
            expect(countBefore(ahead, group, job)).toBe(order.indexOf(job))
        },
      ),
    )
  })

  it('looks at each job once, however many are asked about', () => {
    const short = Array.from({ length: 10_000 }, () => 10)
    const [group, other] = [classOf('group', short, 0, 1), classOf('other', short, 1, 1)]
    let looked = 0
    const ahead = new Ahead([group, other], (_, { runMs }) => {
      looked++
      return runMs ?? 0
    })
    for (const job of group.jobs.slice(-200))
      expect(countBefore(ahead, group, job)).toBeGreaterThanOrEqual(19_600)
    expect(looked).toBeLessThanOrEqual(20_000 + 200)
  })
})
