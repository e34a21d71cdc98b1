import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../../shared/errors'
import { OnlineScheduler } from './online/online'
import { parseQueueCase, scheduleQueueCase } from './queue-case'
import { type Measures, measure } from './replay/measures'
import { Reference } from './replay/references'
import { replay } from './replay/replay'

const folder = join(__dirname, '../../../../fixtures/cases')
const names = readdirSync(folder).filter((name) => name.startsWith('q-'))
const read = (name: string): { refs: Record<'fcfs' | 'easy', Measures> } =>
  JSON.parse(readFileSync(join(folder, name), 'utf8'))

/** Geometric means of the ratios to EASY. */
const MOST = { wait: 0.6, slowdown: 0.35, longest: 1.1 }

const SMALL = {
  format: 'queue-case/1',
  name: 'small',
  resources: ['cpu'],
  nodes: [
    { id: 'a', cap: [1] },
    { id: 'b', cap: [1] },
  ],
  jobs: [
    [0, 10, 10, 2, [1], 0, 'u'],
    [1, 3, 4, 1, [1], 0, 'v'],
  ],
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

describe('queue cases', () => {
  it.each(names)('%s: FCFS and EASY are the references, to the last digit', (name) => {
    const { refs } = read(name)
    const { workload } = parseQueueCase(read(name))
    for (const policy of ['fcfs', 'easy'] as const) {
      const { utilization, ...measures } = measure(
        workload,
        replay(workload, new Reference(workload, policy)),
      )
      const { utilization: expectedUtilization, ...expected } = refs[policy]
      for (const [key, value] of Object.entries(measures))
        expect(value.toPrecision(6)).toBe(expected[key as keyof typeof expected].toPrecision(6))
      utilization.forEach((part, k) => {
        expect(part).toBeCloseTo(expectedUtilization[k] ?? Number.NaN, 6)
      })
    }
  })

  it('is far better than EASY, and lets nobody wait much longer', () => {
    const ratios = names.map((name) => {
      const { easy } = read(name).refs
      const { workload } = parseQueueCase(read(name))
      const { meanWait, meanBsld, maxWait } = measure(
        workload,
        replay(workload, new OnlineScheduler(workload)),
      )
      return {
        wait: meanWait / easy.meanWait,
        slowdown: meanBsld / easy.meanBsld,
        longest: maxWait / easy.maxWait,
      }
    })
    expect(geometricMean(ratios.map(({ wait }) => wait))).toBeLessThan(MOST.wait)
    expect(geometricMean(ratios.map(({ slowdown }) => slowdown))).toBeLessThan(MOST.slowdown)
    expect(geometricMean(ratios.map(({ longest }) => longest))).toBeLessThan(MOST.longest)
  })

  it('gives each job of the schedule file its row, its start and a node for each replica', () => {
    const parsed = parseQueueCase(SMALL)
    expect(scheduleQueueCase(parsed)).toEqual([
      { job: 0, start: 0, nodes: ['a', 'b'] },
      { job: 1, start: 10, nodes: ['a'] },
    ])
  })

  it('takes times before 0, and priorities as low as they come', () => {
    const early = SMALL.jobs.map(([submit, ...job]) => [Number(submit) - 100, ...job])
    const last = [-99, 5, 5, 1, [1], -1e9, 'w']
    expect(scheduleQueueCase(parseQueueCase({ ...SMALL, jobs: [...early, last] }))).toEqual([
      { job: 0, start: -100, nodes: ['a', 'b'] },
      { job: 1, start: -90, nodes: ['a'] },
      { job: 2, start: -90, nodes: ['b'] },
    ])
  })

  it.each(['online', 'fcfs', 'easy'] as const)(
    '%s: what needs a whole node starts, however the sums of what ran before were rounded',
    (policy) => {
      const many = Array.from({ length: 1000 }, (_, i) => {
        const [replicas, memory] = i % 10 === 9 ? [2, 64e9] : [1, 1e10 * ((i * 0.618033988749895) % 1)]
        return [40 * i, 7 + ((i * 53) % 400), 500, replicas, [memory], 0, 'u']
      })
      const nodes = ['a', 'b'].map((id) => ({ id, cap: [64e9] }))
      const { workload } = parseQueueCase({ ...SMALL, resources: ['memory'], nodes, jobs: many })
      const scheduler = policy === 'online' ? new OnlineScheduler(workload) : new Reference(workload, policy)
      expect(Math.max(...replay(workload, scheduler).start)).toBeLessThan(1e9)
    },
  )

  it.each([
    ['no object', 1, ''],
    ['a row that is too short', { ...SMALL, jobs: [[0, 1, 1]] }, 'jobs.0'],
    ['an estimate below the run time', { ...SMALL, jobs: [[0, 5, 4, 1, [1], 0, 'u']] }, 'jobs.0'],
    ['a job that never fits', { ...SMALL, jobs: [[0, 5, 5, 3, [1], 0, 'u']] }, 'jobs.0'],
    ['a time whose sums are infinite', { ...SMALL, jobs: [[1e308, 1e308, 1e308, 1, [1], 0, 'u']] }, 'jobs.0'],
    ['jobs out of order', { ...SMALL, jobs: [...SMALL.jobs].reverse() }, 'jobs.1'],
    ['a node without a capacity', { ...SMALL, nodes: [{ id: 'a', cap: [] }] }, 'nodes.0.cap'],
    ['two nodes of one id', { ...SMALL, nodes: [SMALL.nodes[0], SMALL.nodes[0]] }, 'nodes'],
    ['a number that is none', { ...SMALL, jobs: [[0, null, 4, 1, [1], 0, 'u']] }, 'jobs.0'],
  ])('refuses %s, and names the field', (_, input, field) => {
    expect(() => parseQueueCase(input)).toThrow(AppError)
    try {
      parseQueueCase(input)
    } catch (error) {
      expect(error).toMatchObject({ code: 'system.invalid', details: { field } })
    }
  })
})
