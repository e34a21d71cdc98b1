import type { Device, Job } from '@shared/contract'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, RelativeTime, StateDot, VirtualTable } from '../../components'
import { useNow } from '../../lib/clock'
import { deviceLabel } from '../../lib/devices'
import { stateName, timingsAt, timingsText } from '../jobs'
import { useStartWords } from './use-start-words'

/** The same as the timeline, to read: the newest first. */
export function JobTable(props: {
  jobs: readonly Job[]
  devices: ReadonlyMap<string, Device>
  onOpen: (job: string) => void
}) {
  const { devices, jobs, onOpen } = props
  const { t } = useTranslation('timeline')
  const startWords = useStartWords()
  const nowMs = useNow()
  const rows = useMemo(() => [...jobs].sort((a, b) => timeOf(b).localeCompare(timeOf(a))), [jobs])
  const columns: Column<Job>[] = [
    { key: 'name', header: t('column.job'), width: 'minmax(140px, 1fr)', render: (job) => job.name },
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
          startWords(job.estimate)
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
      render: (job) => timingsText(timingsAt(job, nowMs)),
    },
  ]
  return (
    <VirtualTable
      label={t('tableLabel')}
      rows={rows}
      rowKey={(job) => job.id}
      columns={columns}
      rowHeight={36}
      onSelect={(job) => onOpen(job.id)}
      selectedKey={null}
    />
  )
}

function timeOf({ startedAt, createdAt }: Job): string {
  return startedAt ?? createdAt
}
