import { Checkbox, VisuallyHidden } from '@mantine/core'
import type { Device, Job } from '@shared/contract'
import { shortId } from '@shared/domain/ids'
import type { TFunction } from 'i18next'
import { type Column, Meter, Mono, STATE_COLOURS, StateDot, TwoLines } from '../../components'
import { useNow } from '../../lib/clock'
import { formatDuration, formatPercent } from '../../lib/format'
import { JobMenu } from './job-menu'
import { reasonOf, stateName } from './job-words'
import classes from './jobs.module.css'
import { placementText } from './placement'
import type { Selection } from './selection'
import { timingsAt, timingsText } from './timings'

function StateCell({ job, t }: { job: Job; t: TFunction<'jobs'> }) {
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
}

/** `41 s` while it waits, then wait, load and run. */
function TimingsCell({ job }: { job: Job }) {
  const timings = timingsAt(job, useNow())
  const { queuedMs, loadMs, computeMs } = timings
  const waits = (job.state === 'queued' || job.state === 'held') && loadMs + computeMs === 0
  return (
    <span title={[queuedMs, loadMs, computeMs].map(formatDuration).join(' / ')}>
      {waits ? formatDuration(Math.round(queuedMs / 1000) * 1000) : timingsText(timings)}
    </span>
  )
}

export interface ColumnOptions {
  t: TFunction<'jobs'>
  devices: ReadonlyMap<string, Device>
  nameOf: (principal: string) => string
  selection: Selection
  onMark: (job: Job, range: boolean) => void
  all: { checked: boolean; some: boolean; toggle: () => void }
}

/** The columns of the queue: what, with which model, how it stands, where, how long, for whom. */
export function jobColumns(options: ColumnOptions): Column<Job>[] {
  const { t, selection } = options
  const marking = selection.marked.size > 1
  return [
    {
      key: 'mark',
      width: '16px',
      header: (
        <span className={classes['mark']} data-shown={marking || undefined}>
          <Checkbox
            size="xs"
            aria-label={t('markAll')}
            checked={options.all.checked}
            indeterminate={options.all.some && !options.all.checked}
            onChange={options.all.toggle}
          />
        </span>
      ),
      render: (job) => {
        const marked = selection.marked.has(job.id)
        return (
          <span className={classes['mark']} data-shown={marking || undefined}>
            <Checkbox
              size="xs"
              tabIndex={-1}
              aria-label={t('mark', { name: job.name })}
              checked={marked && marking}
              onChange={() => undefined}
              onClick={(event) => {
                event.stopPropagation()
                options.onMark(job, event.shiftKey)
              }}
            />
          </span>
        )
      },
    },
    {
      key: 'job',
      width: 'minmax(170px, 2.4fr)',
      header: t('column.job'),
      render: (job) => {
        const reason = reasonOf(job)
        return (
          <TwoLines
            first={
              <>
                <span className={classes['name']}>{job.name}</span> <Mono dimmed>{shortId(job.id)}</Mono>
              </>
            }
            second={reason?.text}
            tone={reason?.tone}
          />
        )
      },
    },
    {
      key: 'model',
      width: 'minmax(110px, 1.4fr)',
      header: t('column.model'),
      render: (job) => <TwoLines first={job.model ?? '–'} second={t(`kind.${job.kind}`)} />,
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
      render: (job) => placementText(job.placement, options.devices) ?? '–',
    },
    {
      key: 'timings',
      width: 'minmax(120px, 0.9fr)',
      header: t('column.timings'),
      render: (job) => <TimingsCell job={job} />,
    },
    {
      key: 'principal',
      width: 'minmax(80px, 0.8fr)',
      hideBelow: 860,
      header: t('column.principal'),
      render: (job) => options.nameOf(job.principal),
    },
    {
      key: 'menu',
      width: '26px',
      header: <VisuallyHidden>{t('column.actions')}</VisuallyHidden>,
      render: (job) => <JobMenu job={job} />,
    },
  ]
}
