import { useTranslation } from 'react-i18next'
import { ImportButton, Page, TimeRange } from '../../components'
import { useJobs, useModels } from '../../lib/stores'
import { NeedsPerson } from './attention'
import { FirstSteps } from './first-steps'
import { LatestJobs } from './latest-jobs'
import { Metrics } from './metrics'
import classes from './overview.module.css'
import { Utilisation } from './utilisation'
import { WhatRunsWhere } from './what-runs-where'

/** The machine at a glance: what needs a person, how busy it is, what runs where, the latest jobs. */
export function OverviewPage() {
  const { t } = useTranslation('overview')
  const fresh = useIsFresh()
  return (
    <Page
      title={t('title')}
      actions={
        fresh ? undefined : (
          <>
            <TimeRange />
            <ImportButton />
          </>
        )
      }
    >
      <NeedsPerson />
      {fresh ? (
        <FirstSteps />
      ) : (
        <>
          <Metrics />
          <div className={classes['charts']}>
            <Utilisation />
            <WhatRunsWhere />
          </div>
          <LatestJobs />
        </>
      )}
    </Page>
  )
}

/** A system that has neither a model nor a job yet. */
function useIsFresh(): boolean {
  const noModels = useModels((state) => state.ready && state.items.size === 0)
  const noJobs = useJobs((state) => state.ready && state.items.size === 0)
  return noModels && noJobs
}
