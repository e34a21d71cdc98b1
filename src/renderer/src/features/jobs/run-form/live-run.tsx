import { Button } from '@mantine/core'
import type { Job } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { Meter, STATE_COLOURS, StateDot } from '../../../components'
import { formatPercent } from '../../../lib/format'
import { pathTo, RouteLink } from '../../../lib/router'
import { codedWords, waitReason } from '../../../lib/words'
import { askToCancel } from '../job-actions'
import { JobResultView } from '../job-result'
import { stateName } from '../job-words'
import jobClasses from '../jobs.module.css'
import { TimingsBar } from '../timings-bar'
import { useSubmittedJob } from '../use-job'
import classes from './run-form.module.css'

/** The job that was just submitted, as it goes: why it waits, how far it is, what it gave. */
export function LiveRun({ submitted }: { submitted: Job }) {
  const { t } = useTranslation('jobs')
  const job = useSubmittedJob(submitted)
  const state = stateName(job)
  const waits = waitReason(job)
  const box = useRef<HTMLDivElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new job is brought into sight once
  useEffect(() => {
    // Newer browsers return a promise, which an effect must not.
    void box.current?.scrollIntoView({ block: 'nearest' })
  }, [submitted.id])
  return (
    <section className={classes['live']} ref={box} aria-label={job.name}>
      <div className={classes['liveHead']}>
        {/* Spoken; what changes with every second is not. */}
        <div role="status">
          <StateDot state={state} />
          {waits !== null && <div className={classes['note']}>{waits}</div>}
        </div>
        <RouteLink to={pathTo('jobs', job.id)} className={jobClasses['link']}>
          {t('run.openJob')}
        </RouteLink>
      </div>
      {job.state === 'running' && (
        <Meter
          label={t('progress', { name: job.name, percent: formatPercent(job.progress) })}
          parts={[{ share: job.progress, colour: STATE_COLOURS[state] }]}
        />
      )}
      <TimingsBar job={job} />
      {job.error && (
        <div className={jobClasses['error']} role="alert">
          {codedWords(job.error)}
        </div>
      )}
      {job.state === 'succeeded' && <JobResultView job={job} />}
      {!isTerminal(job.state) && (
        <div>
          <Button variant="light" color="red" onClick={() => askToCancel([job])}>
            {t('action.cancel')}
          </Button>
        </div>
      )}
    </section>
  )
}
