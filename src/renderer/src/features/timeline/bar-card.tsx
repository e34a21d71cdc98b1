import type { Device } from '@shared/contract'
import type { CSSProperties } from 'react'
import { useTranslation } from 'react-i18next'
import { StateDot } from '../../components'
import { deviceLabel } from '../../lib/devices'
import { formatDuration, formatTime } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { stateName } from '../jobs'
import type { Bar, PartKind } from './bars'
import classes from './timeline.module.css'
import { useStartWords } from './use-start-words'

const TOOK = [['wait'], ['load'], ['run', 'failed', 'stopped']] as const
const ENDINGS = ['preempted', 'interrupted', 'device_lost', 'failed'] as const

/** What a bar says, in words; spoken when keys come to it, but not with every second that it takes. */
export function BarCard(props: { bar: Bar; devices: ReadonlyMap<string, Device>; style: CSSProperties }) {
  const { t } = useTranslation('timeline')
  const locale = localeOf(useLanguage((state) => state.language))
  const startWords = useStartWords()
  const { job, device, parts } = props.bar
  const lengthOf = (kinds: readonly PartKind[]) =>
    parts.filter(({ kind }) => kinds.includes(kind)).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
  const started = job.startedAt && formatTime(job.startedAt, locale)
  return (
    <div className={classes['card']} style={props.style} role="status">
      <strong>{job.name}</strong>
      <div className={classes['cardRow']}>
        <StateDot state={stateName(job)} />
        <span>{device === null ? t('unknown') : deviceLabel(device, props.devices)}</span>
      </div>
      <div className={classes['took']} aria-live="off">
        {TOOK.map(([word, ...kinds]) => ({ word, ms: lengthOf([word, ...kinds]) }))
          .filter(({ ms }) => ms > 0)
          .map(({ word, ms }) => (
            <span key={word}>{t(`took.${word}`, { time: formatDuration(ms) })}</span>
          ))}
      </div>
      {job.attempts.length > 0 && (
        <div className={classes['took']}>
          {ENDINGS.map((end) => ({
            end,
            count: job.attempts.filter((attempt) => attempt.end === end).length,
          }))
            .filter(({ count }) => count > 0)
            .map(({ end, count }) => (
              <span key={end}>{t(`ending.${end}`, { count })}</span>
            ))}
        </div>
      )}
      <div className={classes['quiet']} aria-live="off">
        {job.state === 'queued' ? startWords(job) : started && t('startedAt', { time: started })}
      </div>
    </div>
  )
}
