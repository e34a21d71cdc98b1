import { Tooltip } from '@mantine/core'
import type { Device, Lease } from '@shared/contract'
import { entriesOf } from '@shared/domain/resources'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { DEVICE_COLOURS } from '../../components'
import { formatAmount } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { usePrincipalNames } from '../../lib/principal-names'
import { useResourceName } from '../../lib/resource-name'
import { useSeesLeasesOfAll } from '../../lib/rights'
import { pathTo, RouteLink } from '../../lib/router'
import { useJobs, useLeases, useTelemetry } from '../../lib/stores'
import { purposeWords } from '../../lib/words'
import classes from './devices.module.css'
import { type Segment, stackOf } from './stack'

const ON_FOCUS_TOO = { hover: true, focus: true, touch: true }
const NONE: never[] = []

/** Who has what of each resource of a device: leases and programs outside, stacked to its capacity. */
export function LeaseStacks({ device }: { device: Device }) {
  return (
    <div className={classes['granted']}>
      {entriesOf(device.capacity).map(([resource, capacity]) => (
        <LeaseStack key={resource} device={device} resource={resource} capacity={capacity} />
      ))}
    </div>
  )
}

function LeaseStack(props: { device: Device; resource: string; capacity: number }) {
  const { device, resource, capacity } = props
  const { t } = useTranslation('devices')
  const locale = localeOf(useLanguage((state) => state.language))
  const nameOf = useResourceName()
  const leases = useLeases((state) => state.items)
  const foreignOn = useTelemetry((state) => state.resources?.foreignOn) ?? NONE
  const stack = useMemo(
    () => stackOf({ device: device.id, resource, capacity }, leases.values(), foreignOn),
    [device.id, resource, capacity, leases, foreignOn],
  )
  // Of who sees only their own leases, the others are not nothing.
  const isWhole = useSeesLeasesOfAll()
  const granted = stack.reduce((sum, { kind, amount }) => (kind === 'lease' ? sum + amount : sum), 0)
  const amount = (value: number) => formatAmount(resource, value, locale)
  return (
    <div>
      <div className={classes['resourceHead']}>
        <span>{nameOf(resource)}</span>
        <span className={classes['quiet']}>
          {isWhole
            ? t('grantedOf', { granted: amount(granted), capacity: amount(capacity) })
            : amount(capacity)}
        </span>
      </div>
      <ul
        className={classes['stack']}
        aria-label={nameOf(resource)}
        style={{ '--kind': DEVICE_COLOURS[resource === 'memoryBytes' ? 'memory' : device.kind] }}
      >
        {stack.map((segment) => (
          <li
            key={segment.kind === 'lease' ? segment.lease.id : segment.kind}
            style={{ flexBasis: `${segment.share * 100}%` }}
          >
            <SegmentView segment={segment} amount={amount(segment.amount)} />
          </li>
        ))}
      </ul>
    </div>
  )
}

function SegmentView({ segment, amount }: { segment: Segment; amount: string }) {
  const { t } = useTranslation('devices')
  if (segment.kind === 'lease') return <LeaseSegment lease={segment.lease} amount={amount} />
  const label = t('stack.foreign', { amount })
  return (
    <Tooltip label={label} events={ON_FOCUS_TOO}>
      <RouteLink
        to={pathTo('devices')}
        className={classes['segment']}
        data-kind="foreign"
        aria-label={label}
      />
    </Tooltip>
  )
}

function LeaseSegment({ lease, amount }: { lease: Lease; amount: string }) {
  const { t } = useTranslation('devices')
  const holderName = usePrincipalNames()
  const job = useJobs((state) => (lease.job === null ? undefined : state.items.get(lease.job)?.name))
  const what = job ?? purposeWords(lease)
  const label = t('stack.lease', { amount, what, holder: holderName(lease.holder) })
  // What is no job's is an engine's, or is listed below.
  const to =
    lease.job !== null ? pathTo('jobs', lease.job) : pathTo(lease.expiresAt === null ? 'runtimes' : 'devices')
  return (
    <Tooltip label={label} events={ON_FOCUS_TOO}>
      <RouteLink to={to} className={classes['segment']} aria-label={label}>
        {what}
      </RouteLink>
    </Tooltip>
  )
}
