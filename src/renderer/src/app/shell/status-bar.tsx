import { Tooltip } from '@mantine/core'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { DEVICE_COLOURS, Meter, StateDot } from '../../components'
import { useConnection } from '../../lib/client'
import { formatDuration, formatPercent } from '../../lib/format'
import { RouteLink } from '../../lib/router'
import { useDevices, useQueue, useSystemInfo } from '../../lib/stores'
import { useLatestSample } from '../../lib/telemetry'
import { phraseWords } from '../../lib/words'
import classes from './shell.module.css'

/** Always answers: how busy, how long is the queue, is the API up, is all well. */
export function StatusBar() {
  const { t } = useTranslation('shell')
  const devices = useDevices((state) => state.items)
  const queue = useQueue((state) => state.value)
  const info = useSystemInfo((state) => state.value)
  const cpu = useMemo(() => [...devices.values()].find((device) => device.kind === 'cpu'), [devices])
  const gpus = useMemo(
    () => [...devices.values()].filter((device) => device.kind === 'gpu').slice(0, 2),
    [devices],
  )
  const host = useLatestSample(cpu?.id)
  const memory = host && host.memoryTotalBytes > 0 ? host.memoryUsedBytes / host.memoryTotalBytes : null
  return (
    <footer className={classes['footer']} data-figures>
      {host && <Gauge label={t('cpu')} share={host.load} colour={DEVICE_COLOURS.cpu} />}
      {gpus.map((gpu, i) => (
        <GpuGauge key={gpu.id} device={gpu.id} label={gpus.length > 1 ? `GPU ${i}` : 'GPU'} />
      ))}
      {memory !== null && <Gauge label={t('memory')} share={memory} colour={DEVICE_COLOURS.memory} />}
      {queue && (
        <RouteLink to="/jobs" className={classes['footerText']}>
          {t('queue', { depth: queue.depth })}
          {queue.predictedWaitMs !== null && queue.predictedWaitMs > 0 && (
            <> · {t('predicted', { wait: formatDuration(queue.predictedWaitMs) })}</>
          )}
        </RouteLink>
      )}
      <span className={classes['spring']} />
      {info && (
        <span className={classes['footerText']} data-optional>
          {info.apiUrl ? t('api', { address: addressOf(info.apiUrl) }) : t('apiOff')}
        </span>
      )}
      <HealthDot />
    </footer>
  )
}

function addressOf(url: string): string {
  return url.replace(/^https?:\/\//, '')
}

function Gauge(props: { label: string; share: number; colour: string }) {
  return (
    <span className={classes['gauge']}>
      <span className={classes['quiet']}>{props.label}</span>
      <Meter width={64} label={props.label} parts={[{ share: props.share, colour: props.colour }]} />
      <span className={classes['gaugeValue']}>{formatPercent(props.share)}</span>
    </span>
  )
}

function GpuGauge(props: { device: string; label: string }) {
  const sample = useLatestSample(props.device)
  return sample ? <Gauge label={props.label} share={sample.load} colour={DEVICE_COLOURS.gpu} /> : null
}

function HealthDot() {
  const { t } = useTranslation('shell')
  const connected = useConnection((state) => state.status === 'connected')
  const info = useSystemInfo((state) => state.value)
  if (!connected) return <StateDot state="missing" label={t('unreachable')} />
  if (!info) return null
  if (info.status === 'ok') return <StateDot state="ok" label={t('healthy')} />
  return (
    <Tooltip
      label={info.problems.map((problem) => phraseWords(problem)).join('\n')}
      style={{ whiteSpace: 'pre-line' }}
    >
      <span>
        <RouteLink to="/overview" className={classes['footerText']}>
          <StateDot state="degraded" label={t('degraded')} />
        </RouteLink>
      </span>
    </Tooltip>
  )
}
