import { AreaChart } from '@mantine/charts'
import { useMemo } from 'react'
import { localeOf, useLanguage } from '../lib/i18n'
import classes from './components.module.css'

export interface ChartSeries {
  name: string
  colour: string
}
/** One moment: its time in Unix ms and a value for each series by name. */
export type ChartPoint = { atMs: number } & Record<string, number | null>

/** Values over time: the unit on the axis, horizontal lines only, at most three series, the legend above. */
export function TimeChart(props: {
  label: string
  series: readonly ChartSeries[]
  points: readonly ChartPoint[]
  /** The span shown, Unix ms. */
  fromMs: number
  toMs: number
  format: (value: number) => string
  domain?: [number, number | 'auto']
  ticks?: number[]
  /** In pixels; without it the chart fills its parent, a column. */
  height?: number
  legend?: boolean
}) {
  const locale = localeOf(useLanguage((state) => state.language))
  const spanMs = props.toMs - props.fromMs
  const axisTime = useMemo(
    () => new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }),
    [locale],
  )
  const exactTime = useMemo(
    () =>
      new Intl.DateTimeFormat(locale, {
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
        hourCycle: 'h23',
      }),
    [locale],
  )
  const ticks = useMemo(() => timeTicks(props.fromMs, props.toMs), [props.fromMs, props.toMs])
  return (
    <div
      role="img"
      aria-label={props.label}
      className={classes['chart']}
      data-figures
      data-fill={props.height ? undefined : true}
    >
      <AreaChart
        h={props.height ?? '100%'}
        data={[...props.points]}
        dataKey="atMs"
        series={props.series.map(({ name, colour }) => ({ name, color: colour }))}
        curveType="monotone"
        withDots={false}
        withGradient
        fillOpacity={0.14}
        strokeWidth={1.6}
        gridAxis="x"
        tickLine="none"
        withLegend={props.legend ?? false}
        legendProps={{ verticalAlign: 'top', height: 28 }}
        connectNulls={false}
        valueFormatter={props.format}
        xAxisProps={{
          type: 'number',
          domain: [props.fromMs, props.toMs],
          ticks,
          allowDataOverflow: true,
          tickFormatter: (value: number) => axisTime.format(value),
          minTickGap: 24,
        }}
        yAxisProps={{
          domain: props.domain ?? [0, 'auto'],
          width: 42,
          tick: TICK,
          ...(props.ticks ? { ticks: props.ticks } : {}),
        }}
        areaProps={{ isAnimationActive: false }}
        tooltipAnimationDuration={0}
        tooltipProps={{
          isAnimationActive: false,
          // Recharts asks for a label before there is a point under the pointer.
          labelFormatter: (value: unknown) =>
            typeof value !== 'number' ? '' : (spanMs > 7_200_000 ? axisTime : exactTime).format(value),
        }}
      />
    </div>
  )
}

/** Against the axis: the library's own ticks stand so far left that they leave the card. */
const TICK = { transform: 'translate(-2, 0)', fill: 'currentColor' }

const TICK_STEPS = [60_000, 180_000, 300_000, 600_000, 900_000, 3_600_000, 4 * 3_600_000, 6 * 3_600_000]

/** Four to six round times between two moments. */
export function timeTicks(fromMs: number, toMs: number): number[] {
  const step = TICK_STEPS.find((ms) => (toMs - fromMs) / ms <= 6) ?? 86_400_000
  const zoneMs = new Date(toMs).getTimezoneOffset() * 60_000
  const ticks: number[] = []
  for (let at = Math.ceil((fromMs - zoneMs) / step) * step + zoneMs; at <= toMs; at += step) ticks.push(at)
  return ticks
}
