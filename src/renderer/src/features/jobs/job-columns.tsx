import { VisuallyHidden } from '@mantine/core'
import type { Device, Job, StartEstimate } from '@shared/contract'
import { shortId } from '@shared/domain/ids'
import { isTerminal } from '@shared/domain/job-state'
import type { TFunction } from 'i18next'
import { memo } from 'react'
import { type Column, Meter, STATE_COLOURS, StateDot, TwoLines } from '../../components'
import { useNow } from '../../lib/clock'
import { formatDuration, formatPercent } from '../../lib/format'
import { useLanguage } from '../../lib/i18n'
import { JobMenu } from './job-menu'
import { reasonOf, stateName } from './job-words'
import classes from './jobs.module.css'
import { placementText } from './placement'
import type { Selection } from './selection'
import { startsInWords } from './starts-in'
import { timesText, timingsAt } from './timings'

// Cells keep what they drew while their job is the same object: a row that only scrolls costs next to nothing.

const NameCell = memo(function NameCell({ job }: { job: Job }) {
  // Its reason is said in the language of the window, which may change while the job does not.
  useLanguage((state) => state.language)
  const reason = reasonOf(job)
  return (
    <TwoLines
      first={
        <>
          <span className={classes['name']}>{job.name}</span>{' '}
          <span className={classes['id']}>{shortId(job.id)}</span>
        </>
      }
      second={reason?.text}
      tone={reason?.tone}
    />
  )
})

const ModelCell = memo(function ModelCell({ job, t }: { job: Job; t: TFunction<'jobs'> }) {
  const kind = t(`kind.${job.kind}`)
  return job.model ? (
    <TwoLines first={job.model} second={kind} />
  ) : (
    <span className={classes['noModel']}>{kind}</span>
  )
})

const StateCell = memo(function StateCell({ job, t }: { job: Job; t: TFunction<'jobs'> }) {
  const state = stateName(job)
  const partial = job.progress > 0 && job.progress < 1
  const shown = job.state === 'running' || (partial && job.state === 'failed')
  return (
    <div className={classes['stateCell']}>
      <StateDot state={state} />
      {shown && (
        <Meter
          label={t('progress', { name: job.name, percent: formatPercent(job.progress) })}
          parts={[{ share: job.progress, colour: STATE_COLOURS[state] }]}
        />
      )}
    </div>
  )
})

function TimingsText({ job, nowMs }: { job: Job; nowMs: number }) {
  const { queuedMs, loadMs, computeMs } = timingsAt(job, nowMs)
  return (
    <span data-figures title={[queuedMs, loadMs, computeMs].map(formatDuration).join(' / ')}>
      {timesText(job, nowMs)}
    </span>
  )
}

function LiveTimings({ job }: { job: Job }) {
  return <TimingsText job={job} nowMs={useNow()} />
}

/** `41 s` while it waits, then wait, load and run; only a job that has not ended follows the clock. */
const TimingsCell = memo(function TimingsCell({ job, t }: { job: Job; t: TFunction<'jobs'> }) {
  if (isTerminal(job.state)) return <TimingsText job={job} nowMs={0} />
  if (!job.estimate) return <LiveTimings job={job} />
  return <WaitingTimings job={job} estimate={job.estimate} t={t} />
})

/** `41 s`, and below `in 8 s – 20 s`, or `in 10 min` where its bounds round to the same. */
function WaitingTimings(props: { job: Job; estimate: StartEstimate; t: TFunction<'jobs'> }) {
  const nowMs = useNow()
  const second = startsInWords(props.estimate, nowMs, props.t)
  return <TwoLines first={<TimingsText job={props.job} nowMs={nowMs} />} second={second} />
}

const MarkCell = memo(function MarkCell(props: {
  job: Job
  marked: boolean
  shown: boolean
  t: TFunction<'jobs'>
  onMark: (job: Job, range: boolean) => void
}) {
  const { job, onMark } = props
  return (
    <span className={classes['mark']} data-shown={props.shown || undefined}>
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={props.t('mark', { name: job.name })}
        checked={props.marked}
        readOnly
        onClick={(event) => {
          event.stopPropagation()
          onMark(job, event.shiftKey)
        }}
      />
    </span>
  )
})

export interface MarkOptions {
  t: TFunction<'jobs'>
  marked: Selection['marked']
  /** Of those in the list at least one is marked: then every row shows its box. */
  marking: boolean
  onMark: (job: Job, range: boolean) => void
  allMarked: boolean
  onMarkAll: () => void
}

/** The column of the boxes that mark jobs to be acted on together. */
export function markColumn({ t, marked, marking, onMark, allMarked, onMarkAll }: MarkOptions): Column<Job> {
  return {
    key: 'mark',
    width: '16px',
    header: (
      <span className={classes['mark']} data-shown={marking || undefined}>
        <input
          type="checkbox"
          aria-label={t('markAll')}
          checked={allMarked}
          ref={(box) => {
            if (box) box.indeterminate = marking && !allMarked
          }}
          onChange={onMarkAll}
        />
      </span>
    ),
    render: (job) => <MarkCell job={job} marked={marked.has(job.id)} shown={marking} t={t} onMark={onMark} />,
  }
}

export interface ColumnOptions {
  t: TFunction<'jobs'>
  devices: ReadonlyMap<string, Device>
  nameOf: (principal: string) => string
}

/** The columns of the queue: what, with which model, how it stands, where, how long, for whom. */
export function jobColumns({ t, devices, nameOf }: ColumnOptions): Column<Job>[] {
  return [
    {
      key: 'job',
      width: 'minmax(170px, 2.4fr)',
      header: t('column.job'),
      render: (job) => <NameCell job={job} />,
    },
    {
      key: 'model',
      width: 'minmax(110px, 1.4fr)',
      // What is left then has just enough room.
      hideBelow: 716,
      header: t('column.model'),
      render: (job) => <ModelCell job={job} t={t} />,
    },
    {
      key: 'state',
      width: 'minmax(150px, 1fr)',
      header: t('column.state'),
      render: (job) => <StateCell job={job} t={t} />,
    },
    {
      key: 'where',
      width: 'minmax(60px, 0.6fr)',
      hideBelow: 760,
      header: t('column.where'),
      render: (job) => placementText(job.placement, devices) ?? '–',
    },
    {
      key: 'timings',
      width: 'minmax(132px, 0.9fr)',
      header: t('column.timings'),
      render: (job) => <TimingsCell job={job} t={t} />,
    },
    {
      key: 'principal',
      width: 'minmax(80px, 0.8fr)',
      hideBelow: 860,
      header: t('column.principal'),
      render: (job) => nameOf(job.principal),
    },
    {
      key: 'menu',
      width: '26px',
      header: <VisuallyHidden>{t('column.actions')}</VisuallyHidden>,
      render: (job) => <JobMenu job={job} t={t} />,
    },
  ]
}
