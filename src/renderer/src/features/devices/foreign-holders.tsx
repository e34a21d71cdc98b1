import type { Resources } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { formatBytes, formatNumber, formatPercent } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { useTelemetry } from '../../lib/stores'
import classes from './devices.module.css'

function heldBytes({ memoryBytes, gpuMemoryBytes }: Resources['foreignHolders'][number]): number {
  return gpuMemoryBytes ?? memoryBytes
}

/** The programs outside that hold most of a device, by name. */
export function ForeignHolders({ device }: { device: string }) {
  const { t } = useTranslation('devices')
  const locale = localeOf(useLanguage((state) => state.language))
  const all = useTelemetry((state) => state.resources?.foreignHolders)
  const holders = (all ?? [])
    .filter((holder) => holder.device === device)
    .sort((a, b) => heldBytes(b) - heldBytes(a))
  if (holders.length === 0) return null
  const coresText = (cores: number) =>
    t('stack.cores', { count: Number(cores.toFixed(1)), cores: formatNumber(cores, locale, 1) })
  return (
    <section className={classes['holders']} aria-label={t('stack.holders')}>
      <h3>{t('stack.holders')}</h3>
      <ol>
        {holders.map((holder) => (
          <li key={holder.pid}>
            <span title={holder.name}>
              <bdi>{holder.name}</bdi>{' '}
              <span className={classes['quiet']}>{t('stack.process', { pid: holder.pid })}</span>
            </span>
            <span>
              {[
                formatBytes(heldBytes(holder)),
                ...(holder.cpuCores && holder.cpuCores >= 0.05 ? [coresText(holder.cpuCores)] : []),
                ...(holder.gpu && holder.gpu >= 0.005 ? [formatPercent(holder.gpu)] : []),
              ].join(' · ')}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}
