import { Button } from '@mantine/core'
import type { Job } from '@shared/contract'
import type { PlaceHints } from '@shared/domain/place-hints'
import { parseModelReference } from '@shared/domain/references'
import { IconPlayerPause, IconPlayerPlay, IconRefresh } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { Fragment } from 'react'
import { useTranslation } from 'react-i18next'
import { Duration, Facts, IdText, Meter, RelativeTime, STATE_COLOURS, StateDot } from '../../components'
import { formatPercent } from '../../lib/format'
import { usePrincipalNames } from '../../lib/principal-names'
import { pathTo, RouteLink } from '../../lib/router'
import { useDevices } from '../../lib/stores'
import { amountWords, codedWords } from '../../lib/words'
import { doJobAction } from './job-actions'
import { JobLink } from './job-link'
import { JobLog } from './job-log'
import { JobResultView } from './job-result'
import { actionsFor, stateName } from './job-words'
import classes from './jobs.module.css'
import { KeepResults } from './keep-results'
import { placementText } from './placement'
import { PriorityControl } from './priority-control'
import { Section } from './section'
import { TimeLeft } from './time-left'
import { hasTimings } from './timings'
import { TimingsBar } from './timings-bar'
import { WhyItWaits } from './why-it-waits'

/** A link to the model that a job names; its version where the job knows it. */
export function ModelLink({ job }: { job: Pick<Job, 'model' | 'modelVersion'> }) {
  const reference = job.model === null ? null : parseModelReference(job.model)
  if (!reference) return <span>–</span>
  const to =
    job.modelVersion === null
      ? pathTo('models', reference.name)
      : pathTo('models', reference.name, job.modelVersion)
  return (
    <RouteLink to={to} className={classes['link']}>
      {job.model}
    </RouteLink>
  )
}

/** A link to the data set whose rows a batch reads. */
function DatasetLink({ reference }: { reference: string }) {
  const parsed = parseModelReference(reference)
  if (!parsed || !('version' in parsed)) return <span>{reference}</span>
  return (
    <RouteLink to={pathTo('data', parsed.name, parsed.version)} className={classes['link']}>
      {reference}
    </RouteLink>
  )
}

function JobError({ error }: { error: NonNullable<Job['error']> }) {
  const { t } = useTranslation('jobs')
  const details = error.details && Object.keys(error.details).length > 0 ? error.details : null
  return (
    <Section title={t('detail.error')} aside={error.code}>
      <div className={classes['error']}>{codedWords(error)}</div>
      {details && (
        <details>
          <summary>{t('detail.errorDetails')}</summary>
          <pre className={classes['json']}>{JSON.stringify(details, null, 2)}</pre>
        </details>
      )}
    </Section>
  )
}

function JobActions({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const possible = actionsFor(job)
  // One button of each pair, which keeps the focus when it turns into the other.
  const end = possible.has('cancel') ? 'cancel' : possible.has('retry') ? 'retry' : null
  const turn = possible.has('resume') ? 'resume' : possible.has('hold') ? 'hold' : null
  const TurnIcon = turn === 'resume' ? IconPlayerPlay : IconPlayerPause
  return (
    <div className={classes['actions']}>
      {turn && (
        <Button
          variant={turn === 'resume' ? 'filled' : 'default'}
          leftSection={<TurnIcon size={15} stroke={1.6} />}
          onClick={() => doJobAction(job, turn)}
        >
          {t(`action.${turn}`)}
        </Button>
      )}
      {end && (
        <Button
          {...(end === 'cancel'
            ? { variant: 'light', color: 'red' }
            : { variant: 'default', leftSection: <IconRefresh size={15} stroke={1.6} /> })}
          onClick={() => doJobAction(job, end)}
        >
          {t(`action.${end}`)}
        </Button>
      )}
    </div>
  )
}

function JobFacts({ job, nameOf }: { job: Job; nameOf: (principal: string) => string }) {
  const { t } = useTranslation('jobs')
  const devices = useDevices((state) => state.items)
  const labels = Object.entries(job.labels)
  const rows: [string, React.ReactNode][] = [[t('detail.factModel'), <ModelLink key="model" job={job} />]]
  if (job.dataset !== null)
    rows.push([t('detail.factDataset'), <DatasetLink key="dataset" reference={job.dataset} />])
  rows.push(
    [t('detail.factNeed'), amountWords(job.need) || t('detail.nothing')],
    [t('detail.factWhere'), placementText(job.placement, devices) ?? '–'],
  )
  if (job.place !== null) rows.push([t('detail.factPlace'), placeText(job.place, t)])
  rows.push(
    [t('detail.factPrincipal'), nameOf(job.principal)],
    // One that had to make room does not count against those it may have.
    [t('detail.factAttempt'), `${job.attempt - job.preemptions} / ${job.maxAttempts}`],
    [t('detail.factCreated'), <RelativeTime key="created" at={job.createdAt} />],
  )
  if (job.startedAt) rows.push([t('detail.factStarted'), <RelativeTime key="started" at={job.startedAt} />])
  if (job.finishedAt)
    rows.push([t('detail.factFinished'), <RelativeTime key="finished" at={job.finishedAt} />])
  if (job.preemptions > 0)
    rows.push([t('detail.factPreempted'), t('detail.times', { count: job.preemptions })])
  else if (!job.preemptible) rows.push([t('detail.factPreempted'), t('detail.never')])
  if (job.timeoutMs !== null)
    rows.push([t('detail.factTimeout'), <Duration key="timeout" ms={job.timeoutMs} />])
  if (job.dependsOn.length > 0) {
    rows.push([t('detail.factDepends'), <Links key="depends" ids={job.dependsOn} />])
  }
  if (job.pipeline)
    rows.push([
      t('detail.factPipeline'),
      <RouteLink key="pipeline" to={pathTo('pipelines', job.pipeline.id)} className={classes['link']}>
        {job.pipeline.key}
      </RouteLink>,
    ])
  if (job.reusedFrom) rows.push([t('detail.factReused'), <JobLink key="reused" id={job.reusedFrom} />])
  if (labels.length > 0)
    rows.push([t('detail.factLabels'), labels.map(([key, value]) => `${key}=${value}`).join(', ')])
  return (
    <Section title={t('detail.facts')}>
      <Facts rows={rows} />
    </Section>
  )
}

function Links({ ids }: { ids: readonly string[] }) {
  return ids.map((id, i) => (
    <Fragment key={id}>
      {i > 0 && ', '}
      <JobLink id={id} />
    </Fragment>
  ))
}

function placeText({ devices, numaNode }: PlaceHints, t: TFunction<'jobs'>): string {
  return [
    ...(devices === undefined ? [] : [t(`detail.place.${devices}`)]),
    ...(numaNode === undefined
      ? []
      : [numaNode === 'same' ? t('detail.place.anyNode') : t('detail.place.node', { node: numaNode })]),
  ].join(' · ')
}

/** All about one job: how it stands and why, what can be done, what it gave and said. */
export function JobDetail({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const nameOf = usePrincipalNames()
  const waits = job.state === 'queued' || job.state === 'held'
  const ended = actionsFor(job).has('retry')
  const state = stateName(job)
  return (
    <div className={classes['detail']}>
      <header className={classes['detailHead']}>
        <h2 className={classes['detailTitle']}>{job.name}</h2>
        <div className={classes['detailSub']}>
          <StateDot state={state} />
          <IdText id={job.id} />
          <span>{t(`kind.${job.kind}`)}</span>
          {job.model && <ModelLink job={job} />}
        </div>
      </header>
      {job.error && <JobError error={job.error} />}
      {waits && <WhyItWaits job={job} nameOf={nameOf} />}
      {(job.state === 'running' || (job.progress > 0 && job.progress < 1)) && (
        <Section title={t('detail.progress')} aside={formatPercent(job.progress)}>
          <Meter
            thick
            label={t('progress', { name: job.name, percent: formatPercent(job.progress) })}
            parts={[{ share: job.progress, colour: STATE_COLOURS[state] }]}
          />
          {job.state === 'running' && job.expectedAt !== null && (
            <div className={classes['aside']}>
              {t('detail.expectedEnd')} <TimeLeft until={job.expectedAt} />
            </div>
          )}
        </Section>
      )}
      {hasTimings(job) && (
        <Section title={ended ? t('detail.timings') : t('detail.timingsSoFar')}>
          <TimingsBar job={job} />
        </Section>
      )}
      {waits && (
        <Section title={t('detail.priority')} aside={t('detail.priorityHelp')}>
          <PriorityControl job={job} />
        </Section>
      )}
      <JobActions job={job} />
      {job.state === 'succeeded' && job.kind === 'batch' && <KeepResults job={job} />}
      {job.state === 'succeeded' && (
        <Section title={t('detail.result')}>
          <JobResultView job={job} />
        </Section>
      )}
      {job.attempt > 0 && <JobLog job={job} />}
      <JobFacts job={job} nameOf={nameOf} />
    </div>
  )
}
