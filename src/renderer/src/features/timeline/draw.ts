import type { Bar, Lane, PartKind } from './bars'
import { ticksOf, type View } from './view'

export const ROW = 20
export const AXIS = 24
const BAR = 16
const LANE_GAP = 8
const LEAST_PX = 1.5
const ROOM_FOR_NAME = 44

export interface Colours {
  text: string
  dim: string
  line: string
  wait: string
  load: string
  run: string
  done: string
  failed: string
  cancelled: string
  stopped: string
  expected: string
  now: string
}

const BY_STATE = {
  queued: 'run',
  held: 'run',
  running: 'run',
  succeeded: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<Bar['job']['state'], keyof Colours>

const ALPHA: Record<PartKind, number> = {
  wait: 1,
  load: 1,
  run: 0.28,
  failed: 0.28,
  stopped: 0.28,
  expected: 0.1,
}

/** The top of each lane, and the height of all. */
export function layOut(lanes: readonly Lane[]): { tops: number[]; height: number } {
  const tops: number[] = []
  let y = AXIS + LANE_GAP / 2
  for (const { rows } of lanes) {
    tops.push(y)
    y += Math.max(1, rows.length) * ROW + LANE_GAP
  }
  return { tops, height: y }
}

/** Where a bar was drawn. */
export interface Hit {
  bar: Bar
  x: number
  y: number
  width: number
}

interface Scene {
  context: CanvasRenderingContext2D
  width: number
  height: number
  /** So far it is scrolled down: the times stay in sight. */
  top: number
  view: View
  nowMs: number
  lanes: readonly Lane[]
  colours: Colours
  current: string | null
  tickText(at: number, stepMs: number): string
}

/** Draws the part of the lanes that is in view. @returns where its bars lie */
export function draw(scene: Scene): Hit[] {
  const { context, width, height, top: scrolled, view, nowMs, lanes, colours } = scene
  const x = (ms: number) => ((ms - view.fromMs) / view.spanMs) * width
  context.clearRect(0, 0, width, height)
  context.font = `11px ${getComputedStyle(context.canvas).fontFamily}`
  context.textBaseline = 'middle'
  const { stepMs, ticks } = ticksOf(view, Math.max(2, Math.floor(width / 90)))
  context.fillStyle = colours.dim
  context.strokeStyle = colours.line
  context.lineWidth = 1
  // Nothing lies over the times.
  context.save()
  context.beginPath()
  context.rect(0, scrolled + AXIS - 6, width, height)
  context.clip()
  for (const at of ticks) line(context, x(at), AXIS - 4, height)
  const { tops } = layOut(lanes)
  const patterns = patternsOf(context, colours)
  const hits: Hit[] = []
  // Below the bars, so that it strikes out no name.
  context.fillStyle = colours.now
  context.fillRect(Math.round(x(nowMs)), AXIS - 6, 1.5, height)
  lanes.forEach(({ rows }, lane) => {
    const top = tops[lane] as number
    context.fillStyle = colours.line
    context.fillRect(0, top - LANE_GAP / 2, width, 1)
    rows.forEach((row, r) => {
      for (const bar of row) {
        if (bar.toMs < view.fromMs || bar.fromMs > view.fromMs + view.spanMs) continue
        const y = top + r * ROW + (ROW - BAR) / 2
        drawBar(scene, patterns, bar, x, y)
        const from = x(bar.fromMs)
        hits.push({ bar, x: from, y, width: Math.max(LEAST_PX, x(bar.toMs) - from) })
      }
    })
  })
  context.restore()
  context.fillStyle = colours.dim
  for (const at of ticks) {
    const text = scene.tickText(at, stepMs)
    if (x(at) + 4 + context.measureText(text).width <= width)
      context.fillText(text, x(at) + 4, scrolled + AXIS / 2 - 2)
  }
  return hits
}

function drawBar(
  { context, colours, current, width }: Scene,
  patterns: Record<PartKind, string | CanvasPattern>,
  { job, parts, fromMs: beginMs, toMs: endMs, startsWithin }: Bar,
  x: (ms: number) => number,
  y: number,
): void {
  const own = colours[BY_STATE[job.state]]
  // The name goes where it fits best: no wait strikes it out.
  let name = { from: Number.NaN, to: 0 }
  let stretch = name
  let waitEnd = x(beginMs)
  for (const { kind, fromMs, toMs } of parts) {
    if (fromMs >= endMs) break
    const from = x(fromMs)
    const length = Math.max(LEAST_PX, x(toMs) - from)
    const colour = kind === 'run' ? own : colours[kind]
    if (kind === 'wait') {
      // Thinner than work: a job that waits takes nothing.
      context.fillStyle = patterns.wait
      if (toMs > beginMs) context.fillRect(from, y + BAR / 2 - 3, length, 6)
      waitEnd = from + length
      stretch = { from: Number.NaN, to: 0 }
      continue
    }
    context.globalAlpha = ALPHA[kind]
    context.fillStyle = kind === 'load' ? patterns.load : colour
    context.fillRect(from, y, length, BAR)
    context.globalAlpha = 1
    context.strokeStyle = colour
    context.lineWidth = 1
    context.setLineDash(kind === 'expected' ? [3, 3] : [])
    if (length > 3) context.strokeRect(from + 0.5, y + 0.5, length - 1, BAR - 1)
    context.setLineDash([])
    const edge = Math.min(3, length)
    context.fillStyle = colour
    // Cut off at its end.
    if (kind === 'failed' || kind === 'stopped') context.fillRect(from + length - edge, y, edge, BAR)
    else if (kind === 'run') context.fillRect(from, y, edge, BAR)
    stretch = { from: Number.isNaN(stretch.from) ? from : stretch.from, to: from + length }
    if (!(stretch.to - stretch.from < name.to - name.from)) name = stretch
  }
  // On the lower edge: through the middle it would strike out the name.
  if (startsWithin)
    whisker(context, x(startsWithin.fromMs), x(startsWithin.toMs), y + BAR - 1, colours.expected)
  if (job.id === current) {
    context.strokeStyle = colours.text
    context.lineWidth = 2
    const from = x(beginMs)
    const to = x(Math.min(endMs, parts.at(-1)?.toMs ?? endMs))
    context.strokeRect(from - 1, y - 1, Math.max(4, to - from) + 2, BAR + 2)
  }
  const write = (from: number, to: number, colour: string) => {
    const left = Math.max(0, from) + 7
    const room = Math.min(width, to) - left - 4
    if (!(room >= ROOM_FOR_NAME)) return false
    context.fillStyle = colour
    context.fillText(cut(context, job.name, room), left, y + BAR / 2 + 0.5)
    return true
  }
  // Between now and its start nothing else lies in the row of a job that waits.
  if (!write(name.from, name.to, colours.text) && job.state === 'queued')
    write(waitEnd, Number.isNaN(stretch.from) ? width : stretch.from, colours.dim)
}

/** When it may start: a line with ends, as in a plot of errors. */
function whisker(
  context: CanvasRenderingContext2D,
  from: number,
  to: number,
  y: number,
  colour: string,
): void {
  context.fillStyle = colour
  context.fillRect(from, y - 0.75, Math.max(1, to - from), 1.5)
  context.fillRect(from, y - 3, 1.5, 6)
  context.fillRect(to - 1.5, y - 3, 1.5, 6)
}

function cut(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text
  // All letters about as wide as the mean: near enough, and one measurement.
  const fits = Math.floor((room / context.measureText(text).width) * text.length) - 1
  return fits < 3 ? '' : `${text.slice(0, fits)}…`
}

function line(context: CanvasRenderingContext2D, x: number, from: number, to: number): void {
  context.beginPath()
  context.moveTo(Math.round(x) + 0.5, from)
  context.lineTo(Math.round(x) + 0.5, to)
  context.stroke()
}

/** What waits is hatched, what loads is crossed: neither is told by colour alone. */
function patternsOf(
  context: CanvasRenderingContext2D,
  colours: Colours,
): Record<PartKind, string | CanvasPattern> {
  return {
    wait: hatch(context, colours.wait, false),
    load: hatch(context, colours.load, true),
    run: colours.run,
    failed: colours.failed,
    stopped: colours.stopped,
    expected: colours.expected,
  }
}

function hatch(context: CanvasRenderingContext2D, colour: string, crossed: boolean): string | CanvasPattern {
  const tile = document.createElement('canvas')
  tile.width = tile.height = 6
  const pen = tile.getContext('2d')
  if (!pen) return colour
  pen.strokeStyle = colour
  pen.lineWidth = 1.4
  pen.beginPath()
  for (const shift of [-6, 0, 6]) {
    pen.moveTo(shift, 6)
    pen.lineTo(shift + 6, 0)
    if (!crossed) continue
    pen.moveTo(shift, 0)
    pen.lineTo(shift + 6, 6)
  }
  pen.stroke()
  return context.createPattern(tile, 'repeat') ?? colour
}
