import { useTranslation } from 'react-i18next'
import { formatBytes, formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { useTelemetry } from '../../lib/stores'
import classes from './devices.module.css'

/** The programs outside that hold most of a device, by name. */
export function ForeignHolders({ device }: { device: string }) {
  const { t } = useTranslation('devices')
  const locale = localeOf(useLanguage((state) => state.language))
  const all = useTelemetry((state) => state.resources?.foreignHolders)
  const holders = all?.filter((holder) => holder.device === device) ?? []
  if (holders.length === 0) return null
  return (
    <section className={classes['holders']} aria-label={t('stack.holders')}>
      <h3>{t('stack.holders')}</h3>
      <ol>
        {holders.map(({ pid, name, memoryBytes, cpuCores, gpuMemoryBytes }) => (
          <li key={pid}>
            <span title={name}>
              <bdi>{name}</bdi> <span className={classes['quiet']}>{t('stack.process', { pid })}</span>
            </span>
            <span>
              {[
                formatBytes(gpuMemoryBytes ?? memoryBytes),
                ...(cpuCores && cpuCores >= 0.05
                  ? [t('stack.cores', { cores: formatNumber(cpuCores, locale, 1) })]
                  : []),
              ].join(' · ')}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}
