import { addVectors, entriesOf, type ResourceVector } from '../../../../shared/domain/resources'
import { Estimates } from '../../jobs/estimates'
import type { StoredJob } from '../../jobs/job-store'

/** A day of jobs as a queue case, so that whatever takes a case takes a day. */
export interface RecordedCase {
  format: 'queue-case/1'
  name: string
  resources: string[]
  nodes: { id: string; cap: number[] }[]
  /** In the order of the fields of the format; seconds since the first. */
  jobs: [number, number, number, 1, number[], number, string][]
  /** Jobs that this machine could not hold. */
  leftOut: number
}

interface Ran {
  stored: StoredJob
  submittedAt: number
  endedAt: number
  runMs: number
}

/**
 * The jobs that ran, as they came, on one machine with all that its devices have together. Estimates are what had been
 * learned by then: what a job was thought to stay within, or what the longest took where nothing like it had ended; as
 * the format wants it, at least what it took.
 */
export function recordedCase(jobs: readonly StoredJob[], devices: readonly ResourceVector[]): RecordedCase {
  const capacity = new Map(entriesOf(devices.reduce(addVectors, {})))
  const resources = [...capacity.keys()]
  const all = jobs.flatMap(ranOf)
  const fits = ({ stored }: Ran) =>
    entriesOf(stored.definition.need).every(([name, amount]) => amount <= (capacity.get(name) ?? 0))
  const ran = all.filter(fits).sort((a, b) => a.submittedAt - b.submittedAt || a.stored.seq - b.stored.seq)
  const first = ran[0]?.submittedAt ?? 0
  const mostMsOf = learned(ran)
  return {
    format: 'queue-case/1',
    name: new Date(first).toISOString().slice(0, 10),
    resources,
    nodes: [{ id: 'machine', cap: [...capacity.values()] }],
    jobs: ran.map((job) => {
      const { definition, status } = job.stored
      const need = new Map(entriesOf(definition.need))
      return [
        (job.submittedAt - first) / 1000,
        job.runMs / 1000,
        Math.max(job.runMs, mostMsOf(job)) / 1000,
        1,
        resources.map((name) => need.get(name) ?? 0),
        status.priority,
        definition.principal,
      ]
    }),
    leftOut: all.length - ran.length,
  }
}

function ranOf(stored: StoredJob): Ran[] {
  const { startedAt, finishedAt, queuedMs, loadMs, computeMs } = stored.status
  if (startedAt === null || finishedAt === null) return []
  return [{ stored, submittedAt: startedAt - queuedMs, endedAt: finishedAt, runMs: loadMs + computeMs }]
}

/** What each was thought to stay within when it came, ms. */
function learned(ran: readonly Ran[]): (job: Ran) => number {
  const estimates = new Estimates()
  const longest = ran.reduce((most, { runMs }) => Math.max(most, runMs), 0)
  const mostMs = new Map<Ran, number>()
  const ended = [...ran].sort((a, b) => a.endedAt - b.endedAt)
  let next = 0
  for (const job of ran) {
    for (let end = ended[next]; end && end.endedAt <= job.submittedAt; end = ended[++next]) {
      const { definition, status } = end.stored
      if (status.state === 'succeeded') estimates.observeRun(definition, status.computeMs, null)
    }
    const known = estimates.mostMs(job.stored.definition)
    mostMs.set(job, known === null ? longest : job.stored.status.loadMs + known)
  }
  return (job) => mostMs.get(job) ?? longest
}
