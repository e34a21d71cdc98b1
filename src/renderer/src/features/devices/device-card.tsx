import { VisuallyHidden } from '@mantine/core'
import type { Device, TelemetrySample } from '@shared/contract'
import { canYield } from '@shared/domain/yielding'
import {
  IconCpu,
  IconCpu2,
  IconDeviceDesktopAnalytics,
  IconTrash,
  type TablerIcon,
} from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmButton, DEVICE_COLOURS, Panel, StateDot, TimeChart } from '../../components'
import { getClient } from '../../lib/client'
import { formatBytes, formatKey, formatNumber, formatPercent } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import type { LoadSeries } from '../../lib/load-series'
import { useLatestSample } from '../../lib/telemetry'
import { phraseWords } from '../../lib/words'
import classes from './devices.module.css'
import { ForeignHolders } from './foreign-holders'
import { LeaseStacks } from './lease-stacks'
import { YieldSwitch } from './yield-switch'

const ICONS: Record<Device['kind'], TablerIcon> = {
  cpu: IconCpu,
  gpu: IconDeviceDesktopAnalytics,
  npu: IconCpu2,
  fpga: IconCpu2,
}
const HALVES = [0, 0.5, 1]

/** One device: what it is, how it was found, what it offers and has granted, its load now and over time. */
export function DeviceCard({ device, load }: { device: Device; load: LoadSeries | null }) {
  const { t } = useTranslation(['devices', 'common'])
  const Icon = ICONS[device.kind]
  const colour = DEVICE_COLOURS[device.kind]
  const sample = useLatestSample(device.id)
  const properties = Object.entries(device.properties)
  const valueText = (name: string, value: string | number | boolean) => {
    if (typeof value === 'boolean') return t(value ? 'devices:yes' : 'devices:no')
    return typeof value === 'number' && name.endsWith('Bytes') ? formatBytes(value) : value
  }
  return (
    <Panel aria-label={device.name}>
      <div className={classes['cardHead']}>
        <span className={classes['cardIcon']} style={{ '--kind': colour }}>
          <Icon size={19} stroke={1.6} aria-hidden="true" />
        </span>
        <div className={classes['cardName']}>
          <h2 title={device.name}>{device.name}</h2>
          <div className={classes['quiet']}>
            {[t(`common:device.${device.kind}`), device.vendor].filter(Boolean).join(' · ')}
            {' · '}
            <span title={device.foundBy}>
              {device.origin === 'declared'
                ? phraseWords(device.foundBy)
                : t('devices:foundBy', { how: device.foundBy })}
            </span>
          </div>
        </div>
        <StateDot state={device.health} />
        {device.origin === 'declared' && (
          <ConfirmButton
            size="compact-xs"
            variant="subtle"
            color="gray"
            aria-label={t('devices:removeLabel', { name: device.name })}
            title={t('devices:removeTitle', { name: device.name })}
            message={t('devices:removeText')}
            confirmLabel={t('devices:remove')}
            onConfirm={() => getClient().core.devices.remove({ id: device.id })}
          >
            <IconTrash size={15} stroke={1.6} />
          </ConfirmButton>
        )}
      </div>
      <LeaseStacks device={device} />
      {canYield(device) && <YieldSwitch device={device} />}
      <ForeignHolders device={device.id} />
      {device.health === 'missing' ? (
        <div className={classes['noLoad']}>{t('devices:missingText')}</div>
      ) : sample ? (
        <>
          <Now sample={sample} />
          <LoadChart device={device} load={load} colour={colour} />
          {sample.cores && <Cores cores={sample.cores} />}
        </>
      ) : (
        <div className={classes['noLoad']}>{t('devices:noSamples')}</div>
      )}
      {properties.length > 0 && (
        <div className={classes['properties']}>
          {properties.map(([name, value]) => (
            <span key={name}>
              {t(`devices:property.${name}`, { defaultValue: formatKey(name) })}{' '}
              <b>{valueText(name, value)}</b>
            </span>
          ))}
        </div>
      )}
    </Panel>
  )
}

function Now({ sample }: { sample: TelemetrySample }) {
  const { t } = useTranslation('devices')
  const locale = localeOf(useLanguage((state) => state.language))
  const facts: [string, string][] = [[t('load'), formatPercent(sample.load)]]
  if (sample.memoryTotalBytes > 0) {
    facts.push([
      t('memory'),
      `${formatBytes(sample.memoryUsedBytes)} / ${formatBytes(sample.memoryTotalBytes)}`,
    ])
  }
  if (sample.temperatureC !== undefined)
    facts.push([t('temperature'), `${formatNumber(sample.temperatureC, locale, 0)} °C`])
  if (sample.powerW !== undefined) facts.push([t('power'), `${formatNumber(sample.powerW, locale, 0)} W`])
  return (
    <dl className={classes['now']}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function LoadChart({ device, load, colour }: { device: Device; load: LoadSeries | null; colour: string }) {
  const { t } = useTranslation('devices')
  const name = t('load')
  const series = load?.devices.get(device.id)
  const points = useMemo(
    () => series?.map((point) => ({ atMs: point.atMs, [name]: point.load })) ?? [],
    [series, name],
  )
  if (!load) return <div style={{ height: 132 }} />
  return (
    <TimeChart
      label={t('loadOverTime', { name: device.name })}
      series={[{ name, colour }]}
      points={points}
      fromMs={load.fromMs}
      toMs={load.toMs}
      format={formatPercent}
      domain={[0, 1]}
      ticks={HALVES}
      height={132}
    />
  )
}

function Cores({ cores }: { cores: readonly number[] }) {
  const { t } = useTranslation('devices')
  return (
    <ul className={classes['cores']} data-name={t('cores')} aria-label={t('cores')}>
      {cores.map((load, i) => {
        const label = `${t('core', { number: i })}: ${formatPercent(load)}`
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a core is its number
          <li key={i} title={label}>
            <VisuallyHidden>{label}</VisuallyHidden>
            <span style={{ height: `${Math.max(2, Math.min(1, load) * 100)}%` }} />
          </li>
        )
      })}
    </ul>
  )
}
