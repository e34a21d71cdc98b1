import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../../../shared/errors'
import { readDagCase } from './dag-case'
import { cpop, heft, lookaheadHeft, peft } from './list-scheduling'
import { planDagCase } from './plan-case'
import { planGraph } from './planner'

const rules = { heft, cpop, peft, lookaheadHeft }

/** The cases of the project, and those of a folder that LLMAGENTOS_CASES names. */
const folders = [join(import.meta.dirname, '../../../../../fixtures/cases'), process.env.LLMAGENTOS_CASES]
const cases = folders.flatMap((folder) => (folder ? readCases(folder) : []))
if (!process.env.LLMAGENTOS_CASES)
  console.info('LLMAGENTOS_CASES names no folder: no cases but those of fixtures/cases.')

describe('the reference cases', () => {
  it.each(cases)('$name: list schedulers reach the reference makespans to the last digit', (json) => {
    const { dag } = readDagCase(json)
    for (const [name, rule] of Object.entries(rules)) {
      expect(rule(dag).makespan, name).toBe(json.refs[name as keyof typeof rules])
    }
  })

  it.each(cases.filter(({ family }) => family === 'tiny'))(
    '$name: the optimum is found and proved',
    (json) => {
      const { dag } = readDagCase(json)
      const options = { budgetMs: Number.POSITIVE_INFINITY, now: () => 0, maxSteps: 200_000 }
      const { schedule, isOptimal } = planGraph(dag, options)
      expect(isOptimal).toBe(true)
      expect(schedule.makespan).toBeCloseTo(json.refs.optimal!, 6)
    },
  )
})

describe('readDagCase', () => {
  const devices = [
    { id: 'p', kind: 'cpu', speed: 2 },
    { id: 'q', kind: 'cpu', speed: 4 },
  ]
  const sound = {
    format: 'dag-case/1',
    devices,
    links: { bandwidth: 5 },
    tasks: [
      { id: 'a', cost: 8 },
      { id: 'b', cost: 4 },
    ],
    edges: [{ from: 'a', to: 'b', data: 10 }],
  }

  it('reads costs by speed, and gives the schedule in the order of the file', () => {
    const { schedule } = planDagCase(sound, { budgetMs: 0, now: () => 0 })
    expect(schedule).toEqual([
      { task: 'a', device: 'q', start: 0, end: 2 },
      { task: 'b', device: 'q', start: 2, end: 3 },
    ])
  })

  it('takes the speed of a device for a label where tasks have costs', () => {
    const labelled = {
      ...sound,
      devices: devices.map((device, p) => ({ ...device, speed: ['fast', 0][p] })),
      tasks: sound.tasks.map(({ id }) => ({ id, costs: [3, null] })),
    }
    const { schedule } = planDagCase(labelled, { budgetMs: 0, now: () => 0 })
    expect(schedule.map(({ device, end }) => [device, end])).toEqual([
      ['p', 3],
      ['p', 6],
    ])
  })

  it('refuses numbers of which no schedule has a finite end', () => {
    const endless = { ...sound, tasks: sound.tasks.map(({ id }) => ({ id, cost: 1.7e308 })) }
    const slow = { ...endless, devices: devices.map((device) => ({ ...device, speed: 1 })) }
    expect(() => planDagCase(slow, { budgetMs: 1, now: () => 0 })).toThrow('too large')
  })

  it('accepts tasks out of order', () => {
    const turned = { ...sound, tasks: [...sound.tasks].reverse() }
    const { schedule } = planDagCase(turned, { budgetMs: 0, now: () => 0 })
    expect(schedule.map(({ task, start }) => [task, start])).toEqual([
      ['b', 2],
      ['a', 0],
    ])
  })

  it.each([
    ['another format', { ...sound, format: 'dag-case/2' }, 'format'],
    ['no object', null, 'the file'],
    ['no devices', { ...sound, devices: [] }, 'devices'],
    [
      'more devices than their links fit a table',
      { ...sound, devices: Array.from({ length: 2_001 }, (_, p) => ({ id: `${p}`, speed: 1 })) },
      '2 tasks on 2001 devices are more than can be planned at once',
    ],
    ['a negative cost', { ...sound, tasks: [{ id: 'a', cost: -1 }] }, 'tasks.0.cost'],
    ['a cost that is no number', { ...sound, tasks: [{ id: 'a', cost: '1' }] }, 'tasks.0.cost'],
    ['the second task', { ...sound, tasks: [{ id: 'a', cost: 1 }, {}, {}] }, 'tasks.1.id'],
    ['no cost', { ...sound, edges: [], tasks: [{ id: 'a' }] }, 'Task "a" has neither a cost nor costs'],
    [
      'a bandwidth in words',
      { ...sound, links: { bandwidth: 'fast' } },
      'neither a number above 0 nor a table',
    ],
    ['two tasks of one id', { ...sound, tasks: [sound.tasks[0], sound.tasks[0]] }, 'two tasks "a"'],
    ['two devices of one id', { ...sound, devices: [devices[0], devices[0]] }, 'two devices "p"'],
    ['an edge to nowhere', { ...sound, edges: [{ from: 'a', to: 'x', data: 1 }] }, 'names the task "x"'],
    ['data below 0', { ...sound, edges: [{ from: 'a', to: 'b', data: -1 }] }, 'edges.0.data'],
    ['a task that waits for itself', { ...sound, edges: [{ from: 'a', to: 'a', data: 1 }] }, 'cycle'],
    [
      'a cycle',
      { ...sound, edges: [...sound.edges, { from: 'b', to: 'a', data: 1 }] },
      'wait for each other in a cycle, among them "a", "b"',
    ],
    [
      'a task without a device',
      { ...sound, edges: [], tasks: [{ id: 'a', costs: [null, null] }] },
      '"a" can run on no device',
    ],
    ['too few costs', { ...sound, edges: [], tasks: [{ id: 'a', costs: [1] }] }, '1 costs for 2 devices'],
    ['no speed', { ...sound, devices: [{ id: 'p' }] }, 'has no speed'],
    ['a speed of 0', { ...sound, devices: [{ id: 'p', speed: 0 }] }, '"p" has no speed above 0'],
    ['no bandwidth', { ...sound, links: { bandwidth: 0 } }, 'links.bandwidth'],
    [
      'a link of no bandwidth',
      {
        ...sound,
        links: {
          bandwidth: [
            [0, 0],
            [1, 0],
          ],
        },
      },
      'from device 0 to 1',
    ],
    ['a table of another size', { ...sound, links: { bandwidth: [[0]] } }, '2 rows of 2 numbers'],
  ])('refuses %s', (_, json, words) => {
    const read = () => readDagCase(json)
    expect(read).toThrow(AppError)
    expect(read).toThrow(words)
  })
})

interface CaseFile {
  name: string
  family: string
  refs: Record<keyof typeof rules, number> & { optimal?: number }
}

function readCases(folder: string): CaseFile[] {
  return readdirSync(folder)
    .map((name): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    .filter((json): json is CaseFile & { format: string } => {
      return typeof json === 'object' && json !== null && 'format' in json && json.format === 'dag-case/1'
    })
}
