import type { Pipeline } from '@shared/contract'
import { expect, it } from 'vitest'
import { jobWith } from '../jobs/testing'
import { behindIn, endedOf, graphOf, isSkipped } from './pipeline-graph'

const jobs: Pipeline['jobs'] = [
  { key: 'read', dependsOn: [], job: jobWith({ id: 'j-1', state: 'succeeded' }) },
  {
    key: 'join',
    dependsOn: ['read', 'other'],
    job: jobWith({ id: 'j-2', state: 'queued', waitReason: 'Waits for j-1' }),
  },
  {
    key: 'rescue',
    dependsOn: ['read'],
    job: jobWith({
      id: 'j-3',
      state: 'cancelled',
      error: { code: 'compute.skipped', message: 'None failed.' },
    }),
  },
]

it('is a node for each job, linked to it, and an edge for each dependency', () => {
  const { nodes, edges } = graphOf({ jobs }, ({ job }) => ({ second: job.kind, state: job.state }))
  expect(nodes).toMatchObject([
    { id: 'read', state: 'succeeded', to: '/jobs/j-1', second: 'infer' },
    { id: 'join', state: 'queued' },
    { id: 'rescue', state: 'cancelled' },
  ])
  expect(edges).toEqual([
    { from: 'read', to: 'join' },
    { from: 'other', to: 'join' },
    { from: 'read', to: 'rescue' },
  ])
  const open = jobs.map((member) =>
    member.key === 'read' ? { ...member, job: jobWith({ state: 'running' }) } : member,
  )
  expect([...behindIn(jobs)]).toEqual([])
  expect([...behindIn(open)]).toEqual(['join', 'rescue'])
  expect(endedOf({ jobs })).toBe(2)
  expect(jobs.map(isSkipped)).toEqual([false, false, true])
})
