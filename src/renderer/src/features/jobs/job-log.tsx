import type { Job } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import { useCallback, useEffect, useLayoutEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { StateDot } from '../../components'
import { getClient } from '../../lib/client'
import { localeOf, useLanguage } from '../../lib/i18n'
import classes from './jobs.module.css'
import { Section } from './section'
import { useAsked } from './use-asked'

const EVERY_MS = 1_000

/** What the job and its worker said; followed while it runs, at the end unless the person scrolled up. */
export function JobLog({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const locale = localeOf(useLanguage((state) => state.language))
  const { id, state } = job
  const ask = useCallback((signal: AbortSignal) => getClient().compute.jobs.log({ id }, { signal }), [id])
  const live = state === 'running'
  const { value, error, again } = useAsked(ask, live ? EVERY_MS : null)

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of state brings new lines
  useEffect(() => again(), [again, state])

  const box = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  const lines = value?.items ?? []
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end moves with what is new
  useLayoutEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight
  }, [value])

  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', hourCycle: 'h23' })
  return (
    <Section title={t('detail.log')} aside={live && <StateDot state="running" label={t('detail.logLive')} />}>
      {error && !value ? (
        <div className={classes['error']}>{error.message}</div>
      ) : lines.length === 0 ? (
        <div className={classes['aside']}>
          {isTerminal(state) || value ? t('detail.logEmpty') : t('loading')}
        </div>
      ) : (
        <div
          ref={box}
          role="log"
          aria-label={t('detail.logLabel', { name: job.name })}
          className={classes['log']}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
          tabIndex={0}
          onScroll={(event) => {
            const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
            follows.current = scrollHeight - scrollTop - clientHeight < 24
          }}
        >
          {lines.map((line, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines may be alike, and a log grows at its end until it is full
            <div key={i} className={classes['logLine']} data-level={line.level}>
              <time dateTime={line.at}>{time.format(new Date(line.at))}</time>
              <span>{line.text}</span>
            </div>
          ))}
        </div>
      )}
    </Section>
  )
}
