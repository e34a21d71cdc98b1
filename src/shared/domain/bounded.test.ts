import { expect, it } from 'vitest'
import { z } from 'zod'
import { JobSpec, PipelineSpec } from '../contract'
import { listOf, recordOf } from './bounded'

/** Counts how often it is looked at. */
function counting(): { item: z.ZodType<number>; looks(): number } {
  let looks = 0
  const item = z.number().refine((value) => ++looks > 0 && value > 0, 'must be positive')
  return { item, looks: () => looks }
}

it('reads what is right as Zod does', () => {
  const list = listOf(z.string().trim(), { min: 1, max: 2 })
  expect(list.parse([' a ', 'b'])).toEqual(['a', 'b'])
  expect(z.object({ list: list.optional() }).parse({})).toEqual({})
  expect(list.safeParse([]).error?.issues).toEqual(z.array(z.string()).min(1).safeParse([]).error?.issues)
  expect(list.safeParse('a').error?.issues).toEqual(z.array(z.string()).safeParse('a').error?.issues)
  expect(list.safeParse(['a', 'b', 'c']).error?.issues).toEqual(
    z.array(z.string()).max(2).safeParse(['a', 'b', 'c']).error?.issues,
  )
  const record = recordOf(z.string().max(3), z.number(), { max: 2, tooMany: 'at most 2' })
  expect(record.parse({ a: 1, b: 2 })).toEqual({ a: 1, b: 2 })
  expect(Object.getPrototypeOf(record.parse(JSON.parse('{"__proto__":1,"a":1}')))).toBe(Object.prototype)
  expect(record.safeParse([]).success).toBe(false)
  expect(record.safeParse({ long1: 1 }).error?.issues).toMatchObject([{ path: ['long1'] }])
  expect(record.safeParse({ a: 1, b: 2, c: 3 }).error?.issues).toMatchObject([{ message: 'at most 2' }])
})

it('says within a union what is wrong, as Zod does', () => {
  const union = (list: z.ZodType) => z.union([list, z.object({ fromJob: z.string() })])
  const own = union(listOf(z.string().max(3), { min: 1, max: 2 }))
  const zods = union(z.array(z.string().max(3)).min(1).max(2))
  for (const given of [[], ['long'], 'a', [1]])
    expect(own.safeParse(given).error?.issues).toEqual(zods.safeParse(given).error?.issues)
  expect(own.safeParse(['a', 'b', 'c']).error?.issues).toMatchObject([{ code: 'too_big', path: [] }])
  const tensor = { dtype: 'int8', shape: [-1], data: [] }
  const { error } = JobSpec.safeParse({ kind: 'infer', model: 'm@1', inputs: { x: tensor } })
  expect(error?.issues).toMatchObject([{ path: ['inputs', 'x', 'shape', 0], code: 'too_small' }])
})

it('memory blow-up: too many are not looked at, and of many wrong ones the first', () => {
  const { item, looks } = counting()
  const list = z.object({ list: listOf(item, { max: 100 }) })
  expect(list.safeParse({ list: Array(101).fill(1) }).success).toBe(false)
  expect(looks()).toBe(0)
  const { error } = list.safeParse({ list: [1, 1, ...Array(90).fill(-1)] })
  expect(error?.issues).toMatchObject([{ path: ['list', 2], message: 'must be positive' }])
  expect(looks()).toBe(3)
  const record = recordOf(z.string(), item, { max: 100, tooMany: 'at most 100' })
  const wrong = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, -1]))
  expect(record.safeParse(wrong).error?.issues).toMatchObject([{ path: ['k0'] }])
  expect(looks()).toBe(4)
})

it('memory blow-up: a job with millions of wrong parts leaves a few issues', () => {
  const many = Array(100_001).fill(0)
  const wrongInputs = Object.fromEntries(many.slice(0, 900).map((_, i) => [`i${i}`, 0]))
  const tensor = { dtype: 'int8', data: [] }
  const model = 'm@1'
  const jobs = [
    { kind: 'batch', model, items: many },
    { kind: 'batch', model, items: Array(100).fill(wrongInputs) },
    { kind: 'batch', model, dataset: 'd@1', columns: { a: many } },
    { kind: 'batch', model, dataset: 'd@1', columns: Object.fromEntries(Object.entries(many)) },
    { kind: 'infer', model, inputs: wrongInputs },
    { kind: 'infer', model, inputs: { a: { ...tensor, shape: many.map(String) } } },
    { kind: 'infer', model, inputs: {}, dependsOn: many },
    { kind: 'infer', model, inputs: {}, labels: wrongInputs },
    { kind: 'infer', model, inputs: {}, need: { custom: Object.fromEntries(Object.entries(many)) } },
    { kind: 'generate', model, messages: many },
    { kind: 'generate', model, prompt: 'a', stop: many },
  ]
  const sizeOf = (error: z.ZodError | undefined) => JSON.stringify(error?.issues).length
  for (const [index, job] of jobs.entries()) {
    const { success, error } = JobSpec.safeParse(job)
    expect(success).toBe(false)
    expect(sizeOf(error), `job ${index}`).toBeLessThan(5_000)
  }
  expect(sizeOf(PipelineSpec.safeParse({ jobs: many }).error)).toBeLessThan(5_000)
  expect(sizeOf(PipelineSpec.safeParse({ jobs: many.slice(0, 1000) }).error)).toBeLessThan(5_000)
})

it('memory blow-up: a pipeline in which each waits for all is refused, and told what to do instead', () => {
  const chain = (count: number, most: number) =>
    Array.from({ length: count }, (_, i) => ({
      key: `k${i}`,
      kind: 'synthetic',
      durationMs: 0,
      dependsOn: Array.from({ length: Math.min(i, most) }, (_, back) => `k${i - 1 - back}`),
    }))
  expect(PipelineSpec.safeParse({ jobs: chain(1000, 20) }).success).toBe(true)
  expect(PipelineSpec.safeParse({ jobs: chain(1000, 21) }).error?.issues).toMatchObject([
    { path: ['jobs'], message: expect.stringContaining('20000') },
  ])
})
