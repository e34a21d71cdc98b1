import type { Device, Job } from '@shared/contract'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Metric } from '../../components'
import { deviceLabel } from '../../lib/devices'
import { formatDuration, formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { useSeesJobsOfAll } from '../../lib/rights'
import { useDevices, useJobs, useQueue, useQueueHistory } from '../../lib/stores'
import classes from './overview.module.css'

/** How many running jobs each device has, the busiest first. */
export function runningByDevice(
  jobs: Iterable<Job>,
  devices: ReadonlyMap<string, Device>,
): [string, number][] {
  const counts = new Map<string, number>()
  for (const job of jobs) {
    if (job.state !== 'running') continue
    for (const device of new Set(job.placement?.map((part) => part.device))) {
      const label = deviceLabel(device, devices)
      counts.set(label, (counts.get(label) ?? 0) + 1)
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1])
}

const POINTS = 40
/** How a job can end, those that are not there left out but the first. */
const ENDS = ['succeeded', 'failed', 'cancelled'] as const

/** At most `POINTS` values, evenly taken, the newest among them. */
export function thin(values: readonly number[]): number[] {
  const step = Math.max(1, Math.ceil(values.length / POINTS))
  return values.filter((_, i) => (values.length - 1 - i) % step === 0)
}

/** The four numbers a person asks for first. */
export function Metrics() {
  const { t } = useTranslation('overview')
  const locale = localeOf(useLanguage((state) => state.language))
  const queue = useQueue((state) => state.value)
  const jobs = useJobs((state) => state.items)
  const devices = useDevices((state) => state.items)
  const points = useQueueHistory((state) => state.points)
  const placed = useMemo(() => runningByDevice(jobs.values(), devices), [jobs, devices])

  const isWhole = useSeesJobsOfAll()
  const seen = useMemo(() => [...jobs.values()].filter((job) => job.state === 'running').length, [jobs])
  // From the same live jobs as the note below it, so that the two agree at every moment; like the others of all jobs.
  const running = isWhole ? seen : (queue?.byState['running'] ?? 0)
  const queued = queue?.byState['queued'] ?? 0
  const held = queue?.byState['held'] ?? 0
  const hour = queue?.lastHour
  const finished = hour ? hour.succeeded + hour.failed + hour.cancelled : 0
  const [wait = '–', waitUnit] =
    hour?.medianWaitMs == null ? [] : formatDuration(hour.medianWaitMs).split(/ (.*)/)

  const waitingNote = [
    ...(queued > 0 && queue?.predictedWaitMs
      ? [t('waitingNote', { wait: formatDuration(queue.predictedWaitMs) })]
      : []),
    ...(held > 0 ? [t('heldNote', { count: held })] : []),
  ].join(' · ')

  return (
    <div className={classes['metrics']}>
      <Metric
        label={t('running')}
        value={queue ? formatNumber(running, locale) : '–'}
        unit={t('jobs', { count: running })}
        note={
          seen < running
            ? t('runningSeen', { count: seen })
            : placed
                .slice(0, 3)
                .map(([device, count]) => t('runningNote', { device, count }))
                .join(', ') || t('runningNone')
        }
        trend={thin(points.map((point) => point.running))}
        colour="var(--app-running)"
      />
      <Metric
        label={t('waiting')}
        value={queue ? formatNumber(queued, locale) : '–'}
        unit={t('jobs', { count: queued })}
        note={waitingNote || (queued > 0 ? null : t('waitingNone'))}
        trend={thin(points.map((point) => point.waiting))}
        colour="var(--app-waiting)"
      />
      <Metric
        label={t('finished')}
        value={queue ? formatNumber(finished, locale) : '–'}
        note={
          hour && finished > 0
            ? ENDS.filter((end) => end === 'succeeded' || hour[end] > 0)
                .map((end) => t(`ended.${end}`, { count: formatNumber(hour[end], locale) }))
                .join(' · ')
            : t('finishedNone')
        }
        trend={thin(points.map((point) => point.finished))}
        colour="var(--app-succeeded)"
      />
      <Metric
        label={t('medianWait')}
        value={wait}
        unit={waitUnit}
        note={hour?.p95WaitMs == null ? undefined : t('waitNote', { p95: formatDuration(hour.p95WaitMs) })}
        trend={thin(points.map((point) => point.medianWaitMs ?? 0))}
        colour="var(--app-queued)"
      />
    </div>
  )
}
