import { useId } from 'react'

/** Path data of a line through values spread over the width; the range begins at 0. */
export function linePath(values: readonly number[], width: number, height: number): string {
  if (values.length === 0) return ''
  // Head room, so that a line that stays the same is not an edge.
  const top = Math.max(...values, 0) * 1.4 || 1
  const step = values.length > 1 ? width / (values.length - 1) : 0
  return values
    .map((value, i) => {
      const y = height - 1.5 - (Math.max(0, value) / top) * (height - 3)
      return `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${y.toFixed(1)}`
    })
    .join('')
}

/** A line without axes, for a trend at a glance; decoration beside a number that is written out. */
export function Sparkline(props: {
  values: readonly number[]
  colour: string
  width?: number
  height?: number
}) {
  const id = useId()
  const width = props.width ?? 84
  const height = props.height ?? 26
  if (props.values.length < 2) return <svg width={width} height={height} aria-hidden="true" />
  const line = linePath(props.values, width, height)
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <defs>
        <linearGradient id={id} x1="0" y1="0" x2="0" y2="1">
          <stop offset="0" stopColor={props.colour} stopOpacity={0.2} />
          <stop offset="1" stopColor={props.colour} stopOpacity={0} />
        </linearGradient>
      </defs>
      <path d={`${line}L${width} ${height}L0 ${height}Z`} fill={`url(#${id})`} />
      <path d={line} fill="none" stroke={props.colour} strokeWidth={1.5} strokeLinejoin="round" />
    </svg>
  )
}
