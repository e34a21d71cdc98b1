import { entriesOf } from '@shared/domain/resources'
import { useTranslation } from 'react-i18next'
import { DEVICE_COLOURS, Meter, Panel } from '../../components'
import { formatAmount } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { useResourceName } from '../../lib/resource-name'
import { useTelemetry } from '../../lib/stores'
import classes from './devices.module.css'

const COLOURS: Record<string, string> = {
  cpuCores: DEVICE_COLOURS.cpu,
  memoryBytes: DEVICE_COLOURS.memory,
  gpu: DEVICE_COLOURS.gpu,
  gpuMemoryBytes: DEVICE_COLOURS.gpu,
  npu: DEVICE_COLOURS.npu,
  fpga: DEVICE_COLOURS.fpga,
}

/** Each resource of the machine: granted, used by other programs, free. */
export function ResourceSummary() {
  const { t } = useTranslation('devices')
  const locale = localeOf(useLanguage((state) => state.language))
  const nameOf = useResourceName()
  const resources = useTelemetry((state) => state.resources)
  if (!resources) return null
  const allocated = new Map(entriesOf(resources.allocated))
  const foreign = new Map(entriesOf(resources.foreign))
  const available = new Map(entriesOf(resources.available))
  return (
    <Panel
      title={t('resources')}
      aside={
        <>
          <span className={classes['key']} data-kind="granted">
            {t('granted')}
          </span>
          <span className={classes['key']} data-kind="foreign">
            {t('foreign')}
          </span>
          <span className={classes['key']} data-kind="free">
            {t('free')}
          </span>
        </>
      }
    >
      <div className={classes['resources']}>
        {entriesOf(resources.capacity).map(([resource, capacity]) => {
          const granted = allocated.get(resource) ?? 0
          const other = foreign.get(resource) ?? 0
          const amount = (value: number) => formatAmount(resource, value, locale)
          return (
            <div key={resource} className={classes['resource']}>
              <div className={classes['resourceHead']}>
                <strong>{nameOf(resource)}</strong>
                <span>{t('grantedOf', { granted: amount(granted), capacity: amount(capacity) })}</span>
              </div>
              <Meter
                thick
                label={nameOf(resource)}
                parts={[
                  {
                    share: granted / capacity,
                    colour: COLOURS[resource] ?? 'var(--app-running)',
                    label: t('granted'),
                  },
                  {
                    share: Math.min(other, capacity - granted) / capacity,
                    colour: 'var(--hatched)',
                    label: t('foreign'),
                  },
                ]}
              />
              <div className={classes['quiet']}>
                {[
                  t('freeOf', { amount: amount(available.get(resource) ?? 0) }),
                  ...(other > 0 ? [t('foreignOf', { amount: amount(other) })] : []),
                ].join(' · ')}
              </div>
            </div>
          )
        })}
      </div>
    </Panel>
  )
}
