import type { Job } from '@shared/contract'

/** A job for tests, queued unless told otherwise. */
export function jobWith(changes: Partial<Job> = {}): Job {
  return {
    id: 'j-000000001',
    kind: 'infer',
    name: 'job',
    model: 'silero-vad@1',
    modelVersion: 1,
    dataset: null,
    state: 'queued',
    priority: 50,
    preemptible: true,
    preemptions: 0,
    preemptedBy: null,
    attempt: 0,
    maxAttempts: 1,
    progress: 0,
    waitReason: null,
    estimateMs: null,
    need: {},
    place: null,
    placement: null,
    timings: { queuedMs: 0, loadMs: 0, computeMs: 0 },
    error: null,
    timeoutMs: null,
    dependsOn: [],
    runWhen: 'succeeded',
    pipeline: null,
    reusedFrom: null,
    labels: {},
    principal: 'p-owner',
    createdAt: '2026-01-01T00:00:00.000Z',
    startedAt: null,
    finishedAt: null,
    ...changes,
  }
}
