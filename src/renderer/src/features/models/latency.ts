import type { Job } from '@shared/contract'

/** Benchmarks of a model that ended well: the newest of each version, versions ascending. */
export function latestBenchmarks(jobs: Iterable<Job>, model: string): { version: number; job: Job }[] {
  const newest = new Map<number, Job>()
  for (const job of jobs) {
    if (job.kind !== 'benchmark' || job.state !== 'succeeded' || job.modelVersion === null) continue
    if (job.model === null || job.model.split('@', 1)[0] !== model) continue
    const known = newest.get(job.modelVersion)
    if (!known || known.createdAt < job.createdAt) newest.set(job.modelVersion, job)
  }
  return [...newest].map(([version, job]) => ({ version, job })).sort((a, b) => a.version - b.version)
}
