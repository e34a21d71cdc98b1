import { useTranslation } from 'react-i18next'
import { Page, TimeRange } from '../../components'
import { useJobs, useModels } from '../../lib/stores'
import { ImportButton } from '../imports'
import { NeedsPerson } from './attention'
import { FirstSteps, Steps } from './first-steps'
import { LatestJobs } from './latest-jobs'
import { Metrics } from './metrics'
import classes from './overview.module.css'
import { Utilisation } from './utilisation'
import { WhatRunsWhere } from './what-runs-where'

/** The machine at a glance: what needs a person, how busy it is, what runs where, the latest jobs. */
export function OverviewPage() {
  const { t } = useTranslation('overview')
  const noModels = useModels((state) => state.ready && state.items.size === 0)
  const nothingRan = useJobs((state) => state.ready && state.items.size === 0)
  const fresh = noModels && nothingRan
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
          {nothingRan ? <Steps /> : <LatestJobs />}
        </>
      )}
    </Page>
  )
}
