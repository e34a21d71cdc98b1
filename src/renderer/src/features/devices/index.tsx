import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { IconCpu, IconPlus, IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ActionButton, EmptyState, ErrorState, Page, TimeRange } from '../../components'
import { getClient } from '../../lib/client'
import { byKind } from '../../lib/devices'
import { useList } from '../../lib/live'
import { useLoadSeries } from '../../lib/load-series'
import { useMachineOffer } from '../../lib/rights'
import { useDevices } from '../../lib/stores'
import { useTimeRange } from '../../lib/time-range'
import { DeclareDialog } from './declare-dialog'
import { DeviceCard } from './device-card'
import classes from './devices.module.css'
import { LeaseTable } from './lease-table'
import { ResourceSummary } from './resource-summary'

/** The hardware: what there is, how it was found, how busy it is, who holds what. */
export function DevicesPage() {
  const { t } = useTranslation('devices')
  const [declaring, setDeclaring] = useState(false)
  const devices = useList(useDevices, byKind)
  const ready = useDevices((state) => state.ready)
  const error = useDevices((state) => state.error)
  const range = useTimeRange((state) => state.range)
  const load = useLoadSeries(range)
  const manage = useMachineOffer('device.manage')
  return (
    <Page
      title={t('title')}
      actions={
        <>
          <TimeRange />
          <RescanButton />
          <Button
            leftSection={<IconPlus size={15} stroke={1.6} />}
            {...manage}
            onClick={() => setDeclaring(true)}
          >
            {t('declare')}
          </Button>
        </>
      }
    >
      {error && !ready ? (
        <ErrorState error={error} />
      ) : ready && devices.length === 0 ? (
        <EmptyState
          icon={IconCpu}
          title={t('noDevices')}
          text={t('noDevicesText')}
          action={<RescanButton />}
        />
      ) : (
        <>
          <ResourceSummary />
          <div className={classes['cards']}>
            {devices.map((device) => (
              <DeviceCard key={device.id} device={device} load={load} />
            ))}
          </div>
          <LeaseTable />
        </>
      )}
      <DeclareDialog opened={declaring} onClose={() => setDeclaring(false)} />
    </Page>
  )
}

function RescanButton() {
  const { t } = useTranslation('devices')
  return (
    <ActionButton
      leftSection={<IconRefresh size={15} stroke={1.6} />}
      onAct={async () => {
        const { items } = await getClient().core.devices.rescan()
        notifications.show({ message: t('rescanned', { count: items.length }), withBorder: true })
      }}
    >
      {t('rescan')}
    </ActionButton>
  )
}
