import type { Device, Job } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import type { TFunction } from 'i18next'
import { memo, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, RelativeTime, StateDot, VirtualTable } from '../../components'
import { useNow } from '../../lib/clock'
import { deviceLabel } from '../../lib/devices'
import { startsInWords, stateName, timingsAt, timingsText } from '../jobs'

/** The same as the timeline, to read: the newest first. */
export function JobTable(props: {
  jobs: readonly Job[]
  devices: ReadonlyMap<string, Device>
  onOpen: (job: string) => void
}) {
  const { devices, jobs, onOpen } = props
  const { t } = useTranslation('timeline')
  const rows = useMemo(() => [...jobs].sort((a, b) => timeOf(b).localeCompare(timeOf(a))), [jobs])
  const columns = useMemo(() => columnsOf(t, devices), [t, devices])
  return (
    <VirtualTable
      label={t('tableLabel')}
      rows={rows}
      rowKey={keyOf}
      columns={columns}
      rowHeight={36}
      onSelect={(job) => onOpen(job.id)}
      selectedKey={null}
    />
  )
}

function columnsOf(t: TFunction<'timeline'>, devices: ReadonlyMap<string, Device>): Column<Job>[] {
  return [
    { key: 'name', header: t('column.job'), width: 'minmax(120px, 1fr)', render: (job) => job.name },
    {
      key: 'state',
      header: t('column.state'),
      width: '120px',
      render: (job) => <StateDot state={stateName(job)} />,
    },
    {
      key: 'device',
      header: t('column.device'),
      width: '110px',
      hideBelow: 780,
      render: (job) => {
        const ids = job.placement?.map(({ device }) => device) ?? job.estimate?.devices ?? []
        return [...new Set(ids)].map((id) => deviceLabel(id, devices)).join(', ') || '–'
      },
    },
    {
      key: 'start',
      header: t('column.start'),
      width: 'minmax(150px, 1.4fr)',
      render: (job) =>
        job.state === 'queued' ? (
          <ExpectedStart job={job} />
        ) : job.startedAt ? (
          <RelativeTime at={job.startedAt} />
        ) : (
          '–'
        ),
    },
    {
      key: 'took',
      header: t('column.took'),
      width: '180px',
      hideBelow: 660,
      render: (job) => (isTerminal(job.state) ? timingsText(job.timings) : <TookSoFar job={job} />),
    },
  ]
}

// Only what changes with the clock reads it: the other cells of a row stay as they are drawn.

const ExpectedStart = memo(function ExpectedStart({ job }: { job: Job }) {
  const { t } = useTranslation('timeline')
  const { t: jobs } = useTranslation('jobs')
  const nowMs = useNow()
  return job.estimate ? startsInWords(job.estimate, nowMs, jobs) : t('startUnknown')
})

const TookSoFar = memo(function TookSoFar({ job }: { job: Job }) {
  return timingsText(timingsAt(job, useNow()))
})

function keyOf({ id }: Job): string {
  return id
}

function timeOf({ startedAt, createdAt }: Job): string {
  return startedAt ?? createdAt
}
