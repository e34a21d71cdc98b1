import type { Pipeline } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import type { GraphEdge, GraphNode, StateName } from '../../components'
import { pathTo } from '../../lib/router'
import { stateName } from '../jobs'

export type PipelineJob = Pipeline['jobs'][number]

/** A job whose condition was not met was skipped: it was cancelled by nobody. */
export function isSkipped({ job }: PipelineJob): boolean {
  return job.error?.code === 'compute.skipped'
}

/** How a job of a pipeline stands; one that waits for others of it is only in line. */
export function standOf({ job, dependsOn }: PipelineJob, jobs: readonly PipelineJob[]): StateName {
  const isBehind = jobs.some((other) => dependsOn.includes(other.key) && !isTerminal(other.job.state))
  return job.state === 'queued' && isBehind ? 'queued' : stateName(job)
}

/**
 * The jobs of a pipeline as a graph. Pure.
 * @param secondOf the line below a job's key
 */
export function graphOf(
  { jobs }: Pick<Pipeline, 'jobs'>,
  secondOf: (job: PipelineJob) => string,
): { nodes: GraphNode[]; edges: GraphEdge[] } {
  return {
    nodes: jobs.map((member) => ({
      id: member.key,
      label: member.key,
      second: secondOf(member),
      state: standOf(member, jobs),
      to: pathTo('jobs', member.job.id),
    })),
    edges: jobs.flatMap(({ key, dependsOn }) => dependsOn.map((from) => ({ from, to: key }))),
  }
}

/** Of all jobs, those that have ended. */
export function endedOf({ jobs }: Pick<Pipeline, 'jobs'>): number {
  return jobs.filter(({ job }) => isTerminal(job.state)).length
}
