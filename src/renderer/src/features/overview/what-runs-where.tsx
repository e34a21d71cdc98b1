import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel, tint } from '../../components'
import { useNow } from '../../lib/clock'
import { deviceLabel } from '../../lib/devices'
import { useSeesJobsOfAll } from '../../lib/rights'
import { pathTo, RouteLink } from '../../lib/router'
import { useDevices, useJobs, useLeases } from '../../lib/stores'
import { type Bar, type BarKind, FUTURE_MS, lanesOf, PAST_MS } from './lanes'
import classes from './overview.module.css'

const COLOURS: Record<BarKind, string> = {
  running: 'var(--app-running)',
  planned: 'var(--app-waiting)',
  done: 'var(--app-succeeded)',
  failed: 'var(--app-failed)',
  cancelled: 'var(--app-queued)',
  interrupted: 'var(--app-preempted)',
  held: 'var(--app-queued)',
}
const KINDS = ['running', 'planned', 'done', 'failed', 'cancelled', 'interrupted', 'held'] as const
const SPAN_MS = PAST_MS + FUTURE_MS
const NOW_AT = `${(PAST_MS / SPAN_MS) * 100}%`

/** The leases of each device as bars in time, with what ended just now and what comes next. */
export function WhatRunsWhere() {
  const { t } = useTranslation('overview')
  const devices = useDevices((state) => state.items)
  const leases = useLeases((state) => state.items)
  const jobs = useJobs((state) => state.items)
  const isWhole = useSeesJobsOfAll()
  const nowMs = useNow()
  const lanes = useMemo(
    () => lanesOf(devices.values(), leases.values(), jobs, nowMs),
    [devices, leases, jobs, nowMs],
  )
  const shown = new Set(lanes.flatMap((lane) => lane.rows.flat().map((bar) => bar.kind)))

  return (
    <Panel title={t('whatRunsWhere')} aside={t('whatRunsSpan')}>
      <div className={classes['lanes']}>
        {lanes.map((lane) => (
          <div key={lane.device ?? 'next'} className={classes['lane']}>
            <span
              className={classes['laneName']}
              title={(lane.device && devices.get(lane.device)?.name) ?? undefined}
            >
              {lane.device === null ? t('next') : deviceLabel(lane.device, devices)}
            </span>
            <div className={classes['laneTrack']}>
              {(lane.rows.length > 0 ? lane.rows : [[]]).map((row, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity beside their place
                <div key={i} className={classes['laneRow']}>
                  {row.map((bar) => (
                    <LaneBar key={bar.key} bar={bar} fromMs={nowMs - PAST_MS} />
                  ))}
                </div>
              ))}
              <span className={classes['nowLine']} style={{ left: NOW_AT }} aria-hidden="true" />
              {lane.hidden > 0 && (
                <span className={classes['laneMore']}>{t('laneMore', { count: lane.hidden })}</span>
              )}
            </div>
          </div>
        ))}
      </div>
      <div className={classes['laneLegend']}>
        {shown.size === 0 && <span>{t(isWhole ? 'nothingRuns' : 'nothingSeenRuns')}</span>}
        {KINDS.filter((kind) => shown.has(kind)).map((kind) => (
          <span key={kind} className={classes['key']} data-square>
            <span style={{ background: COLOURS[kind] }} aria-hidden="true" />
            {t(`legend.${kind}`)}
          </span>
        ))}
        {shown.size > 0 && (
          <span className={classes['key']} data-line>
            <span aria-hidden="true" />
            {t('legend.now')}
          </span>
        )}
      </div>
    </Panel>
  )
}

/** A bar narrower than this share of its lane has no room for a word. */
const ROOM_FOR_WORD = 5

function LaneBar({ bar, fromMs }: { bar: Bar; fromMs: number }) {
  const colour = COLOURS[bar.kind]
  const width = Math.max(0.6, ((bar.toMs - bar.fromMs) / SPAN_MS) * 100)
  const props = {
    className: classes['bar'],
    title: bar.label,
    'aria-label': bar.label,
    'data-narrow': width < ROOM_FOR_WORD || undefined,
    style: {
      left: `${((bar.fromMs - fromMs) / SPAN_MS) * 100}%`,
      width: `${width}%`,
      background: tint(colour),
      borderLeftColor: colour,
    },
  }
  const word = width < ROOM_FOR_WORD ? null : bar.label
  if (bar.job === null) {
    return (
      <span {...props} role="img">
        {word}
      </span>
    )
  }
  return (
    <RouteLink to={pathTo('jobs', bar.job)} {...props}>
      {word}
    </RouteLink>
  )
}
