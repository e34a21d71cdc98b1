import { JobSpec } from '@shared/contract'
import { describe, expect, it } from 'vitest'
import { benchmarkJob, inferJob } from './build-job'
import { DEFAULT_OPTIONS } from './remember'

const job = (options: Partial<typeof DEFAULT_OPTIONS>) =>
  inferJob({ model: 'silero-vad@1', name: ' ', options: { ...DEFAULT_OPTIONS, ...options } }, {})

describe('the job of a form', () => {
  it('says nothing of what is as usual', () => {
    const usual = job({})
    expect(Object.keys(usual).sort()).toEqual(['inputs', 'kind', 'maxAttempts', 'model', 'priority'])
  })

  it('says how its devices lie, and that it is not to be interrupted, in the words of the contract', () => {
    const spec = job({ devices: 'spread', numaNode: 0, preemptible: false })
    expect(JobSpec.parse(spec)).toMatchObject({
      place: { devices: 'spread', numaNode: 0 },
      preemptible: false,
    })
    expect(job({ numaNode: 'same' }).place).toEqual({ numaNode: 'same' })
  })

  it('says how much of a GPU it is to have, where it is to have one', () => {
    expect(JobSpec.parse(job({ gpu: 0.5, gpuGigabytes: 2.5 }))).toMatchObject({
      need: { gpu: 0.5, gpuMemoryBytes: 2.5e9 },
    })
    expect(job({ gpu: 2 }).need).toEqual({ gpu: 2 })
    expect(job({ gpuGigabytes: 2 })).not.toHaveProperty('need')
  })

  it('says by when its answer is wanted, where a single one is asked for', () => {
    expect(JobSpec.parse(job({ latencyTargetMs: 250 }))).toMatchObject({ latencyTargetMs: 250 })
    const options = { ...DEFAULT_OPTIONS, latencyTargetMs: 250 }
    expect(benchmarkJob({ model: 'silero-vad@1', name: '', options }, {})).not.toHaveProperty(
      'latencyTargetMs',
    )
  })
})
