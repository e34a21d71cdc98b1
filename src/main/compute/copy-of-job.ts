import { toIso } from '../platform/clock'
import type { JobDefinition, JobStatus } from './jobs/job-row'
import type { PlainSpec } from './submit'

/** The specification of a job that ended, for another one; a deadline that has passed is not set again. */
export function specOf(definition: JobDefinition, status: JobStatus, nowMs: number): PlainSpec {
  const { parameters, deadline } = definition
  const common = {
    name: definition.name,
    need: definition.need,
    ...(definition.place ? { place: definition.place } : {}),
    priority: status.priority,
    ...(definition.timeoutMs === null ? {} : { timeoutMs: definition.timeoutMs }),
    ...(deadline !== null && deadline > nowMs ? { deadline: toIso(deadline) } : {}),
    maxAttempts: definition.maxAttempts,
    dependsOn: [...definition.dependsOn],
    runWhen: definition.runWhen,
    preemptible: definition.preemptible,
    reuse: definition.fingerprint !== null,
    labels: { ...definition.labels },
    hold: false,
  }
  const model = definition.reference ?? ''
  switch (parameters.kind) {
    case 'infer':
      return {
        ...common,
        kind: 'infer',
        model,
        ...(parameters.latencyTargetMs === null ? {} : { latencyTargetMs: parameters.latencyTargetMs }),
      }
    case 'batch':
      return { ...common, kind: 'batch', model, batchSize: parameters.batchSize }
    case 'benchmark': {
      const { iterations, warmup, threads } = parameters
      return { ...common, kind: 'benchmark', model, iterations, warmup, threads }
    }
    case 'generate':
      return { ...common, kind: 'generate', model, ...parameters.sampling }
    case 'synthetic': {
      const { durationMs, busy, fail } = parameters
      return { ...common, kind: 'synthetic', durationMs, busy, ...(fail ? { fail } : {}) }
    }
  }
}
