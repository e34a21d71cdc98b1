import { VisuallyHidden } from '@mantine/core'
import type { Lease } from '@shared/contract'
import { shortId } from '@shared/domain/ids'
import { entriesOf } from '@shared/domain/resources'
import { IconLockOpen } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import {
  type Column,
  ConfirmButton,
  EmptyState,
  Mono,
  Panel,
  RelativeTime,
  VirtualTable,
} from '../../components'
import { getClient } from '../../lib/client'
import { deviceLabel } from '../../lib/devices'
import { formatAmount } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { useList } from '../../lib/live'
import { usePrincipalNames } from '../../lib/principal-names'
import { useResourceName } from '../../lib/resource-name'
import { pathTo, RouteLink } from '../../lib/router'
import { useDevices, useJobs, useLeases } from '../../lib/stores'
import { purposeWords } from '../../lib/words'
import classes from './devices.module.css'

const inForce = (lease: Lease) => lease.state === 'granted'
const oldestFirst = (a: Lease, b: Lease) => (a.createdAt < b.createdAt ? -1 : 1)

/** Who holds what, where, since when and until when, with a way to take it back. */
export function LeaseTable() {
  const { t } = useTranslation('devices')
  const leases = useList(useLeases, oldestFirst, inForce)
  const columns = useColumns()
  return (
    <Panel flush title={t('leases')} aside={leases.length > 0 && t('leasesText', { count: leases.length })}>
      {leases.length === 0 ? (
        <EmptyState compact icon={IconLockOpen} title={t('noLeases')} text={t('noLeasesText')} />
      ) : (
        <VirtualTable
          label={t('leases')}
          rows={leases}
          rowKey={(lease) => lease.id}
          columns={columns}
          rowHeight={36}
          maxHeight={400}
        />
      )}
    </Panel>
  )
}

function LeaseFor({ lease }: { lease: Lease }) {
  const name = useJobs((state) => (lease.job === null ? undefined : state.items.get(lease.job)?.name))
  const purpose = purposeWords(lease)
  if (lease.job === null) return <span title={purpose}>{purpose}</span>
  return (
    <RouteLink to={pathTo('jobs', lease.job)} className={classes['link']} title={name}>
      {name ?? purpose} <Mono dimmed>{shortId(lease.job)}</Mono>
    </RouteLink>
  )
}

function useColumns(): Column<Lease>[] {
  const { t } = useTranslation('devices')
  const locale = localeOf(useLanguage((state) => state.language))
  const devices = useDevices((state) => state.items)
  const holderName = usePrincipalNames()
  const resourceName = useResourceName()
  const amountsOf = (lease: Lease) =>
    entriesOf(lease.need)
      .map(([resource, amount]) => `${resourceName(resource)} ${formatAmount(resource, amount, locale)}`)
      .join(' · ')
  return [
    {
      key: 'what',
      width: 'minmax(160px, 2fr)',
      header: t('column.what'),
      render: (lease) => <LeaseFor lease={lease} />,
    },
    {
      key: 'holder',
      width: 'minmax(90px, 1fr)',
      hideBelow: 520,
      header: t('column.holder'),
      render: (lease) => holderName(lease.holder),
    },
    {
      key: 'where',
      width: 'minmax(60px, 0.6fr)',
      header: t('column.where'),
      render: (lease) => lease.placement.map((part) => deviceLabel(part.device, devices)).join(', '),
    },
    {
      key: 'amounts',
      width: 'minmax(140px, 2fr)',
      header: t('column.amounts'),
      render: (lease) => <span title={amountsOf(lease)}>{amountsOf(lease)}</span>,
    },
    {
      key: 'since',
      width: 'minmax(84px, 0.7fr)',
      hideBelow: 720,
      header: t('column.since'),
      render: (lease) => <RelativeTime at={lease.createdAt} />,
    },
    {
      key: 'until',
      width: 'minmax(84px, 0.7fr)',
      hideBelow: 800,
      header: t('column.until'),
      render: (lease) => (lease.expiresAt ? <RelativeTime at={lease.expiresAt} /> : t('untilDone')),
    },
    {
      key: 'actions',
      width: '76px',
      align: 'end',
      header: <VisuallyHidden>{t('column.actions')}</VisuallyHidden>,
      // The lease of a job or of a loaded model ends with it.
      render: (lease) =>
        lease.expiresAt !== null && (
          <ConfirmButton
            size="compact-xs"
            aria-label={t('releaseLabel', { what: purposeWords(lease) })}
            title={t('releaseTitle')}
            message={t('releaseText')}
            confirmLabel={t('release')}
            onConfirm={() => getClient().core.leases.release({ id: lease.id })}
          >
            {t('release')}
          </ConfirmButton>
        ),
    },
  ]
}
