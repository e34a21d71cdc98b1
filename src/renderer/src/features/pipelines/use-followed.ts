import type { Job } from '@shared/contract'
import { useEffect, useRef } from 'react'
import { useJobs } from '../../lib/stores'
import { type Asked, useAsked } from '../jobs'

/** So long changes are gathered before the question is asked again. */
const GATHER_MS = 250

/** Another number whenever a job of the pipeline (null: of any) has moved. */
function signatureOf(jobs: ReadonlyMap<string, Job>, pipeline: string | null): number {
  let hash = 0
  for (const job of jobs.values()) {
    if (job.pipeline === null || (pipeline !== null && job.pipeline.id !== pipeline)) continue
    const stand = `${job.id}${job.state}${Math.round(job.progress * 100)}`
    for (let i = 0; i < stand.length; i++) hash = (hash * 31 + stand.charCodeAt(i)) | 0
  }
  return hash
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
