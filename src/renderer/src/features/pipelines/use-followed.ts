import type { Job } from '@shared/contract'
import { useEffect, useMemo, useRef } from 'react'
import { useShallow } from 'zustand/react/shallow'
import { useJobs } from '../../lib/stores'
import { type Asked, stateName, useAsked } from '../jobs'
import type { PipelineJob } from './pipeline-graph'

/** So long changes are gathered before the question is asked again. */
const GATHER_MS = 250

/** Another number whenever a job of the pipeline (null: of any) has moved. */
function signatureOf(jobs: ReadonlyMap<string, Job>, pipeline: string | null): number {
  let hash = 0
  for (const job of jobs.values()) {
    if (job.pipeline === null || (pipeline !== null && job.pipeline.id !== pipeline)) continue
    const stand = `${job.id}${stateName(job)}${Math.round(job.progress * 100)}`
    for (let i = 0; i < stand.length; i++) hash = (hash * 31 + stand.charCodeAt(i)) | 0
  }
  return hash
}

/**
 * The members, those that wait with the reasons that the live feed has: these change more often than an answer comes. All
 * else is as in the answer, which the graph shows too.
 */
export function useLiveReasons(members: readonly PipelineJob[]): PipelineJob[] {
  const jobs = useJobs(
    useShallow(({ items }) =>
      members.map(({ job }) => {
        const live = items.get(job.id)
        return job.state === 'queued' && live?.state === 'queued' ? live : job
      }),
    ),
  )
  return useMemo(
    () => members.map((member, i) => ({ ...member, job: jobs[i] ?? member.job })),
    [members, jobs],
  )
}

/** An answer about pipelines that is asked for anew as their jobs go on. @param pipeline null: any */
export function useFollowed<Value>(
  ask: (signal: AbortSignal) => Promise<Value>,
  pipeline: string | null,
): Asked<Value> {
  const asked = useAsked(ask)
  const { again } = asked
  const signature = useJobs((state) => signatureOf(state.items, pipeline))
  const answeredFor = useRef(signature)
  const timer = useRef<number | null>(null)
  useEffect(() => {
    if (signature === answeredFor.current) return
    timer.current ??= window.setTimeout(() => {
      timer.current = null
      again()
    }, GATHER_MS)
    answeredFor.current = signature
  }, [signature, again])
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current)
    },
    [],
  )
  return asked
}
