import { describe, expect, it } from 'vitest'
import { type CourseJob, planCourse } from './course'

const options = { budgetMs: Number.POSITIVE_INFINITY, now: () => 0, maxSteps: 2_000 }

function job(key: string, runMs: number | Record<string, number>, more: Partial<CourseJob> = {}): CourseJob {
  return {
    key,
    dependsOn: [],
    runMs: new Map(Object.entries(typeof runMs === 'number' ? { cpu0: runMs } : runMs)),
    outputBytes: 0,
    reads: [],
    running: null,
    ...more,
  }
}

describe('planCourse', () => {
  it('begins with what most follows from, not with what is short', () => {
    const jobs = [
      job('short', 10),
      job('long', 20),
      job('after-long', 100, { dependsOn: ['long'] }),
      job('after-short', 10, { dependsOn: ['short'] }),
    ]
    const steps = planCourse(jobs, [{ id: 'cpu0', lanes: 1 }], 1_000, options)
    expect(steps.get('long')).toEqual({ order: 0, device: 'cpu0', startsAt: 1_000 })
    const two = planCourse(jobs, [{ id: 'cpu0', lanes: 2 }], 0, options)
    expect(two.get('after-long')?.startsAt).toBe(20)
  })

  it('lays the work where it is done soonest, also on the slower of two devices', () => {
    const jobs = ['a', 'b', 'c'].map((key) => job(key, { gpu0: 100, gpu1: 210 }))
    const devices = ['gpu0', 'gpu1'].map((id) => ({ id, lanes: 1 }))
    const steps = planCourse(jobs, devices, 0, options)
    expect([...steps.values()].map(({ device }) => device).sort()).toEqual(['gpu0', 'gpu0', 'gpu1'])
  })

  it('keeps together what would take longer to move than to wait for', () => {
    const jobs = [
      job('a', { gpu0: 100, gpu1: 100 }, { outputBytes: 8e9 }),
      job('b', { gpu0: 100, gpu1: 90 }, { dependsOn: ['a'] }),
    ]
    const devices = ['gpu0', 'gpu1'].map((id) => ({ id, lanes: 1 }))
    const steps = planCourse(jobs, devices, 0, options)
    expect(steps.get('b')?.device).toBe(steps.get('a')?.device)
  })

  it('lays a job where what it reads lies already, unless it is done sooner elsewhere all the same', () => {
    const devices = ['gpu0', 'gpu1'].map((id) => ({ id, lanes: 1 }))
    const deviceFor = (bytes: number) => {
      const next = job(
        'next',
        { gpu0: 100, gpu1: 190 },
        { dependsOn: ['gone'], reads: [{ device: 'gpu1', bytes }] },
      )
      return planCourse([next], devices, 0, options).get('next')?.device
    }
    expect(deviceFor(0)).toBe('gpu0')
    expect(deviceFor(0.7e9)).toBe('gpu0')
    expect(deviceFor(0.8e9)).toBe('gpu1')
  })

  it('plans around what runs already', () => {
    const jobs = [
      job('runs', 100, { running: { device: 'cpu0', startedAt: 940 } }),
      job('next', 10, { dependsOn: ['runs'] }),
      job('other', 10),
    ]
    const steps = planCourse(jobs, [{ id: 'cpu0', lanes: 1 }], 1_000, options)
    expect(steps.has('runs')).toBe(false)
    expect(Math.min(...[...steps.values()].map(({ startsAt }) => startsAt))).toBe(1_040)
  })

  it('leaves out what no device can run, and what follows from it', () => {
    const jobs = [job('nowhere', {}), job('after', 1, { dependsOn: ['nowhere'] }), job('fine', 1)]
    expect([...planCourse(jobs, [{ id: 'cpu0', lanes: 1 }], 0, options).keys()]).toEqual(['fine'])
    expect(planCourse(jobs, [], 0, options).size).toBe(0)
  })
})
