import type { Job } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { useNow } from '../../lib/clock'
import { formatDuration } from '../../lib/format'
import classes from './jobs.module.css'
import { shares, timingsAt } from './timings'

const COLOURS = ['var(--app-waiting)', 'var(--app-memory)', 'var(--app-running)'] as const
/** A part narrower than this share has no room for its word. */
const ROOM_FOR_WORD = 0.18

/** How long it waited, loaded and computed, as one bar with its figures below. */
export function TimingsBar({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const timings = timingsAt(job, useNow())
  const parts = shares(timings)
  const ms = [timings.queuedMs, timings.loadMs, timings.computeMs]
  const words = [t('detail.queued'), t('detail.load'), t('detail.compute')]
  const total = ms.reduce((sum, part) => sum + part, 0)
  return (
    <>
      <div className={classes['bar']} aria-hidden="true">
        {parts.map((share, i) =>
          share > 0 ? (
            <div
              key={words[i]}
              className={classes['barPart']}
              data-narrow={share < ROOM_FOR_WORD || undefined}
              style={{ flex: `${share} 1 0`, '--part': COLOURS[i] }}
            >
              {share < ROOM_FOR_WORD ? '' : words[i]}
            </div>
          ) : null,
        )}
      </div>
      <div className={classes['legend']} data-figures>
        {words.map((word, i) => (
          <div key={word} className={classes['legendItem']} style={{ '--part': COLOURS[i] }}>
            <span>{word}</span>
            <span>{formatDuration(ms[i] ?? 0)}</span>
          </div>
        ))}
        <div className={classes['legendItem']} style={{ alignItems: 'flex-end' }}>
          <div className={classes['aside']}>{t('detail.total', { time: formatDuration(total) })}</div>
        </div>
      </div>
    </>
  )
}
