import type { Job, StartEstimate } from '@shared/contract'
import { shortId } from '@shared/domain/ids'
import type { TFunction } from 'i18next'
import { type ReactNode, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { StateDot } from '../../components'
import { systemNow } from '../../lib/clock'
import { formatAmount, formatDuration } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { pathTo, RouteLink } from '../../lib/router'
import { useJobs, useLeases, useTelemetry } from '../../lib/stores'
import { amountWords, purposeWords, waitReason } from '../../lib/words'
import { JobLink } from './job-link'
import { stateName } from './job-words'
import classes from './jobs.module.css'
import { Section } from './section'
import { TimeLeft } from './time-left'
import { type Cause, causesOf } from './why'

function useCauseWords(nameOf: (principal: string) => string) {
  const { t } = useTranslation('jobs')
  const jobs = useJobs((state) => state.items)
  const locale = localeOf(useLanguage((state) => state.language))
  const stateOf = (id: string) => {
    const job = jobs.get(id)
    return job && <StateDot key="state" state={stateName(job)} />
  }
  const amountOf = (resource: string, value: number) => amountWords({ [resource]: value })
  return (cause: Cause): [main: ReactNode, note: ReactNode] => {
    switch (cause.kind) {
      case 'held':
        return [t('detail.held'), null]
      case 'dependency':
        return [<JobLink key="job" id={cause.job} />, stateOf(cause.job)]
      case 'job': {
        const { id, name } = cause.job
        return name === null ? [shortId(id), null] : [<JobLink key="job" id={id} name={name} />, stateOf(id)]
      }
      case 'needs':
        return [
          t('detail.needs', { amount: amountOf(cause.resource, cause.amount) }),
          t('detail.freeOf', {
            free: formatAmount(cause.resource, cause.free, locale),
            capacity: formatAmount(cause.resource, cause.capacity, locale),
          }),
        ]
      case 'lease': {
        const { lease } = cause
        const words = t('detail.holds', {
          amount: amountOf(cause.resource, cause.amount),
          purpose: purposeWords(lease),
        })
        const main =
          lease.job === null ? (
            words
          ) : (
            <RouteLink key="job" to={pathTo('jobs', lease.job)} className={classes['link']}>
              {words}
            </RouteLink>
          )
        return [main, leaseNote(lease, nameOf, t, locale)]
      }
      case 'foreign':
        return [
          t('detail.foreign', { amount: amountOf(cause.resource, cause.amount) }),
          t('detail.foreignText'),
        ]
    }
  }
}

function leaseNote(
  lease: { holder: string; expiresAt: string | null },
  nameOf: (principal: string) => string,
  t: TFunction<'jobs'>,
  locale: string,
): string {
  const holder = nameOf(lease.holder)
  if (lease.expiresAt === null) return holder
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short', hourCycle: 'h23' }).format(
    new Date(lease.expiresAt),
  )
  return t('detail.holdsUntil', { holder, time })
}

/** Its words go by figures that change, and two leases may read alike. */
function keyOf(cause: Cause): string {
  if (cause.kind === 'dependency') return cause.job
  if (cause.kind === 'job') return cause.job.id
  if (cause.kind === 'lease') return `${cause.resource} ${cause.lease.id}`
  return 'resource' in cause ? `${cause.kind} ${cause.resource}` : cause.kind
}

/** Four in five start between, from now. */
function boundsOf({ earliest, latest }: StartEstimate): { from: string; to: string } {
  const inMs = (at: string) => formatDuration(Math.max(0, Date.parse(at) - systemNow()))
  return { from: inMs(earliest), to: inMs(latest) }
}

/** The reason in a sentence, how many come before it among it; then what it is made of: what is short, and who holds it. */
export function WhyItWaits({ job, nameOf }: { job: Job; nameOf: (principal: string) => string }) {
  const { t } = useTranslation('jobs')
  const leases = useLeases((state) => state.items)
  const resources = useTelemetry((state) => state.resources)
  const words = useCauseWords(nameOf)
  const causes = useMemo(() => causesOf(job, leases.values(), resources), [job, leases, resources])
  return (
    <Section title={t('detail.why')}>
      {job.state === 'queued' && <div>{waitReason(job)}</div>}
      {causes.length > 0 && (
        <ol className={classes['causes']}>
          {causes.map((cause) => {
            const [main, note] = words(cause)
            const quiet = cause.kind === 'foreign' || cause.kind === 'held'
            return (
              <li key={keyOf(cause)} className={classes['cause']} data-quiet={quiet || undefined}>
                <div>{main}</div>
                {note && <div className={classes['aside']}>{note}</div>}
              </li>
            )
          })}
        </ol>
      )}
      {job.state === 'queued' && job.expectedAt !== null && (
        <div>
          {t('detail.expectedStart')}{' '}
          <strong>
            <TimeLeft until={job.expectedAt} />
          </strong>
          {job.estimate && (
            <div className={classes['aside']}>{t('detail.startsWithin', boundsOf(job.estimate))}</div>
          )}
        </div>
      )}
    </Section>
  )
}
