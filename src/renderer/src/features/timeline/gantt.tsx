import { ActionIcon, Button, useComputedColorScheme } from '@mantine/core'
import type { Device, Job } from '@shared/contract'
import { IconZoomIn, IconZoomOut } from '@tabler/icons-react'
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useWidth } from '../../components'
import { systemNow, useNow } from '../../lib/clock'
import { byKind, deviceLabel } from '../../lib/devices'
import { formatDuration } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { BarCard } from './bar-card'
import { type Bar, lanesOf } from './bars'
import { cardAt, type Span, topToSee } from './card-place'
import { AXIS, type Colours, draw, type Hit, layOut, ROW } from './draw'
import { Legend } from './legend'
import classes from './timeline.module.css'
import { followed, panned, SPAN_MS, type View, viewAt, zoomed } from './view'

const ZOOM = 1.5
const PAN = 0.1
/** Of the name of a lane, with what more it has. */
const NAME_PX = 48
/** A press that moves less is a click. */
const SLOP_PX = 4

const COLOURS: Record<keyof Colours, string> = {
  text: 'var(--mantine-color-text)',
  dim: 'var(--mantine-color-dimmed)',
  line: 'var(--app-border)',
  wait: 'var(--app-waiting)',
  load: 'var(--app-memory)',
  run: 'var(--app-running)',
  done: 'var(--app-succeeded)',
  failed: 'var(--app-failed)',
  cancelled: 'var(--mantine-color-dimmed)',
  stopped: 'var(--app-preempted)',
  expected: 'var(--mantine-color-dimmed)',
  now: 'var(--app-failed)',
}

/** Canvas knows no variables: what they are now, as the element sees them. */
function coloursOf(element: HTMLElement): Colours {
  const before = element.style.color
  const read = (variable: string) => {
    element.style.color = variable
    return getComputedStyle(element).color
  }
  const colours = { ...COLOURS }
  let name: keyof Colours
  for (name in colours) colours[name] = read(colours[name])
  element.style.color = before
  return colours
}

function useTickText(): (at: number, stepMs: number) => string {
  const locale = localeOf(useLanguage((state) => state.language))
  return useMemo(() => {
    const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
    const minutes = new Intl.DateTimeFormat(locale, clock)
    const seconds = new Intl.DateTimeFormat(locale, { ...clock, second: '2-digit' })
    return (at, stepMs) => (stepMs < 60_000 ? seconds : minutes).format(at)
  }, [locale])
}

/** Jobs in time, a lane for each device: what they waited, loaded and ran, and when those that wait are expected to start. */
export function Gantt(props: {
  jobs: readonly Job[]
  devices: ReadonlyMap<string, Device>
  onOpen: (job: string) => void
}) {
  const { jobs, devices, onOpen } = props
  const { t } = useTranslation('timeline')
  const nowMs = useNow()
  const scheme = useComputedColorScheme()
  const tickText = useTickText()
  const [kept, setView] = useState<View>(() => viewAt(systemNow(), SPAN_MS.first))
  const view = followed(kept, nowMs)
  const [current, setCurrent] = useState<Current | null>(null)
  const [top, setTop] = useState(0)
  const box = useRef<HTMLDivElement>(null)
  const area = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const hits = useRef<Hit[]>([])
  const press = useRef<{ x: number; view: View; moved: boolean } | null>(null)
  const width = useWidth(area)

  const order = useMemo(() => [...devices.values()].sort(byKind).map(({ id }) => id), [devices])
  const lanes = useMemo(() => lanesOf(jobs, order, nowMs), [jobs, order, nowMs])
  const { tops, height } = layOut(lanes)
  // As it is now: the job goes on while one looks.
  const currentBar = useMemo(
    () => current && lanes.flatMap(({ rows }) => rows.flat()).find((bar) => isAt(bar, current)),
    [lanes, current],
  )

  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme has other colours
  const colours = useMemo(
    () => (canvas.current && width > 0 ? coloursOf(canvas.current) : null),
    [scheme, width],
  )
  useEffect(() => {
    const element = canvas.current
    const context = element?.getContext('2d')
    if (!element || !context || !colours) return
    const frame = requestAnimationFrame(() => {
      const scale = window.devicePixelRatio
      element.width = Math.round(width * scale)
      element.height = Math.round(height * scale)
      context.scale(scale, scale)
      const job = current?.job ?? null
      hits.current = draw({
        context,
        width,
        height,
        top,
        view,
        nowMs,
        lanes,
        colours,
        current: job,
        tickText,
      })
    })
    return () => cancelAnimationFrame(frame)
  }, [width, height, top, view, nowMs, lanes, colours, current, tickText])

  // React listens to the wheel passively; a page that scrolls along would be in the way.
  useEffect(() => {
    const element = canvas.current
    if (!element) return
    const onWheel = (event: WheelEvent) => {
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault()
        const delta = event.deltaX || event.deltaY
        setView((old) => panned(followed(old, systemNow()), delta / element.clientWidth))
      } else if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        element.parentElement === document.activeElement
      ) {
        event.preventDefault()
        const at = event.offsetX / element.clientWidth
        setView((old) => zoomed(followed(old, systemNow()), ZOOM ** (event.deltaY / 200), at))
      }
    }
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [])

  const hitAt = (x: number, y: number) =>
    hits.current.find(
      (hit) =>
        y >= top + AXIS - 6 &&
        x >= hit.x - 2 &&
        x <= hit.x + hit.width + 2 &&
        y >= hit.y - 2 &&
        y <= hit.y + ROW,
    )

  const onPointerMove = (event: PointerEvent<HTMLCanvasElement>) => {
    const { offsetX: x, offsetY: y } = event.nativeEvent
    const held = press.current
    if (held) {
      const moved = x - held.x
      if (Math.abs(moved) > SLOP_PX) held.moved = true
      if (held.moved) setView(panned(held.view, -moved / width))
      return
    }
    const hit = hitAt(x, y)
    setCurrent(hit ? { ...barAt(hit.bar), x, y: hit.y, seen: seenOf(box.current) } : null)
  }
  const onPointerUp = (event: PointerEvent<HTMLCanvasElement>) => {
    const held = press.current
    press.current = null
    const hit = hitAt(event.nativeEvent.offsetX, event.nativeEvent.offsetY)
    if (held && !held.moved && hit) onOpen(hit.bar.job.id)
  }

  const move = (step: number) => {
    const all = hits.current
    if (all.length === 0) return
    const at = all.findIndex(({ bar }) => current !== null && isAt(bar, current))
    const next =
      all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))]
    if (!next || !box.current) return
    box.current.scrollTop = topToSee(next.y, seenOf(box.current), box.current.scrollHeight)
    setCurrent({ ...barAt(next.bar), x: Math.max(0, next.x), y: next.y, seen: seenOf(box.current) })
  }
  const zoom = (factor: number) => setView(zoomed(view, factor, 0.5))
  const keys = new Map<string, () => void>([
    ['ArrowLeft', () => setView(panned(view, -PAN))],
    ['ArrowRight', () => setView(panned(view, PAN))],
    ['ArrowDown', () => move(1)],
    ['ArrowUp', () => move(-1)],
    ['+', () => zoom(1 / ZOOM)],
    ['=', () => zoom(1 / ZOOM)],
    ['-', () => zoom(ZOOM)],
    ['Home', () => setView(viewAt(nowMs, view.spanMs))],
    ['Enter', () => current && onOpen(current.job)],
    ['Escape', () => setCurrent(null)],
  ])
  const onKeyDown = (event: KeyboardEvent) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys.get(event.key)
    if (!act || (event.key === 'Escape' && !current)) return
    event.preventDefault()
    act()
  }

  return (
    <>
      <div className={classes['tools']}>
        <Legend />
        <Button variant="default" disabled={view.follows} onClick={() => setView(viewAt(nowMs, view.spanMs))}>
          {t('toNow')}
        </Button>
        <output className={classes['quiet']} aria-label={t('spanLabel')}>
          {formatDuration(view.spanMs)}
        </output>
        <ActionIcon variant="default" size={30} aria-label={t('zoomOut')} onClick={() => zoom(ZOOM)}>
          <IconZoomOut size={17} stroke={1.6} />
        </ActionIcon>
        <ActionIcon variant="default" size={30} aria-label={t('zoomIn')} onClick={() => zoom(1 / ZOOM)}>
          <IconZoomIn size={17} stroke={1.6} />
        </ActionIcon>
      </div>
      <div
        ref={box}
        className={classes['gantt']}
        onScroll={(event) => setTop(Math.max(0, event.currentTarget.scrollTop))}
      >
        <div className={classes['names']} style={{ height }}>
          {lanes.map(({ device, hidden }, lane) => (
            <div
              key={device ?? ''}
              // In sight as long as any of its rows is.
              style={{ top: Math.max(tops[lane] ?? 0, Math.min(top, (tops[lane + 1] ?? height) - NAME_PX)) }}
              className={classes['name']}
            >
              <span title={(device && devices.get(device)?.name) ?? undefined}>
                {device === null ? t('unknown') : deviceLabel(device, devices)}
              </span>
              {hidden > 0 && <small>{t('more', { count: hidden })}</small>}
            </div>
          ))}
        </div>
        <div
          ref={area}
          className={classes['area']}
          style={{ height }}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: keys move, zoom and read it; the table holds the same
          tabIndex={0}
          role="application"
          aria-label={t('ganttLabel')}
          onKeyDown={onKeyDown}
        >
          <canvas
            ref={canvas}
            style={{ height }}
            onPointerDown={(event) => {
              if (event.button !== 0) return
              event.currentTarget.setPointerCapture(event.pointerId)
              press.current = { x: event.nativeEvent.offsetX, view, moved: false }
            }}
            onPointerMove={onPointerMove}
            onPointerUp={onPointerUp}
            onPointerCancel={() => {
              press.current = null
            }}
            onPointerLeave={() => setCurrent(null)}
          />
          {current && currentBar && (
            <BarCard bar={currentBar} devices={devices} style={cardAt(current, width, height)} />
          )}
        </div>
      </div>
    </>
  )
}

/** The bar that is pointed at or that keys have come to, where it was drawn, and what of the height was in sight then. */
interface Current {
  job: string
  device: string | null
  x: number
  y: number
  seen: Span
}

function seenOf(box: HTMLElement | null): Span {
  const from = box?.scrollTop ?? 0
  return { from, to: from + (box?.clientHeight ?? 0) }
}

function barAt({ job, device }: Bar): Pick<Current, 'job' | 'device'> {
  return { job: job.id, device }
}

function isAt({ job, device }: Bar, at: ReturnType<typeof barAt>): boolean {
  return job.id === at.job && device === at.device
}
