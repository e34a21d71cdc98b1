import type { Pipeline } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import type { GraphEdge, GraphNode } from '../../components'
import { pathTo } from '../../lib/router'

export type PipelineJob = Pipeline['jobs'][number]

/** A job whose condition was not met was skipped: it was cancelled by nobody. */
export function isSkipped({ job }: PipelineJob): boolean {
  return job.error?.code === 'compute.skipped'
}

/** The keys of the jobs that come after one that has not ended: they are in line, and wait for nothing else yet. */
export function behindIn(jobs: readonly PipelineJob[]): ReadonlySet<string> {
  const open = new Set(jobs.flatMap(({ key, job }) => (isTerminal(job.state) ? [] : [key])))
  return new Set(
    jobs.flatMap(({ key, dependsOn }) => (dependsOn.some((other) => open.has(other)) ? [key] : [])),
  )
}

/**
 * The jobs of a pipeline as a graph. Pure.
 * @param lookOf the line below a job's key, and how it stands
 */
export function graphOf(
  { jobs }: Pick<Pipeline, 'jobs'>,
  lookOf: (job: PipelineJob) => Pick<GraphNode, 'second' | 'state'>,
): { nodes: GraphNode[]; edges: GraphEdge[] } {
  return {
    nodes: jobs.map((member) => ({
      id: member.key,
      label: member.key,
      to: pathTo('jobs', member.job.id),
      ...lookOf(member),
    })),
    edges: jobs.flatMap(({ key, dependsOn }) => dependsOn.map((from) => ({ from, to: key }))),
  }
}

/** Of all jobs, those that have ended. */
export function endedOf({ jobs }: Pick<Pipeline, 'jobs'>): number {
  return jobs.filter(({ job }) => isTerminal(job.state)).length
}
