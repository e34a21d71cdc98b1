import type { Device } from '@shared/contract'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { type ChartPoint, type ChartSeries, DEVICE_COLOURS, Panel, TimeChart } from '../../components'
import { deviceLabel } from '../../lib/devices'
import { formatPercent } from '../../lib/format'
import { type LoadSeries, useLoadSeries } from '../../lib/load-series'
import { useDevices, useTelemetry } from '../../lib/stores'
import { useTimeRange } from '../../lib/time-range'
import classes from './overview.module.css'

const QUARTERS = [0, 0.25, 0.5, 0.75, 1]

/** CPU, the first GPU if there is one, and the memory of the host: three lines at most. */
export function Utilisation() {
  const { t } = useTranslation('overview')
  const range = useTimeRange((state) => state.range)
  const load = useLoadSeries(range)
  const devices = useDevices((state) => state.items)
  const cpu = useMemo(() => [...devices.values()].find((device) => device.kind === 'cpu'), [devices])
  const gpu = useMemo(
    () => [...devices.values()].find((device) => device.kind === 'gpu' && device.health === 'ok'),
    [devices],
  )
  const memoryTotal = useTelemetry((state) =>
    cpu ? (state.samples.get(cpu.id)?.at(-1)?.memoryTotalBytes ?? 0) : 0,
  )
  const gpuName = gpu ? deviceLabel(gpu.id, devices) : null

  const series: ChartSeries[] = [
    { name: t('cpu'), colour: DEVICE_COLOURS.cpu },
    ...(gpuName ? [{ name: gpuName, colour: DEVICE_COLOURS.gpu }] : []),
    { name: t('memory'), colour: DEVICE_COLOURS.memory },
  ]
  const cpuName = t('cpu')
  const memoryName = t('memory')
  const points = useMemo(
    () => (load ? pointsOf(load, cpu, gpu, memoryTotal, { cpuName, gpuName, memoryName }) : []),
    [load, cpu, gpu, memoryTotal, cpuName, gpuName, memoryName],
  )

  return (
    <Panel title={t('utilisation')} aside={<Legend series={series} />}>
      {load && points.length > 0 ? (
        <TimeChart
          label={t('utilisation')}
          series={series}
          points={points}
          fromMs={load.fromMs}
          toMs={load.toMs}
          format={formatPercent}
          domain={[0, 1]}
          ticks={QUARTERS}
        />
      ) : (
        <div className={classes['pending']}>{t('collecting')}</div>
      )}
    </Panel>
  )
}

function pointsOf(
  load: LoadSeries,
  cpu: Device | undefined,
  gpu: Device | undefined,
  memoryTotal: number,
  names: { cpuName: string; gpuName: string | null; memoryName: string },
): ChartPoint[] {
  const host = (cpu && load.devices.get(cpu.id)) ?? []
  const graphics = (gpu && load.devices.get(gpu.id)) ?? []
  return host.map((point, i) => ({
    atMs: point.atMs,
    [names.cpuName]: point.load,
    [names.memoryName]:
      point.memoryUsedBytes === null || memoryTotal === 0 ? null : point.memoryUsedBytes / memoryTotal,
    ...(names.gpuName ? { [names.gpuName]: graphics[i]?.load ?? null } : {}),
  }))
}

/** The names of the lines with their colours, above the chart. */
export function Legend({ series }: { series: readonly ChartSeries[] }) {
  return (
    <>
      {series.map(({ name, colour }) => (
        <span key={name} className={classes['key']}>
          <span style={{ background: colour }} aria-hidden="true" />
          {name}
        </span>
      ))}
    </>
  )
}
