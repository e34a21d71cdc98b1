import { SegmentedControl } from '@mantine/core'
import { useCallback, useDeferredValue, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Page, Panel } from '../../components'
import { navigate, pathTo, useRoute } from '../../lib/router'
import { useDevices, useJobs } from '../../lib/stores'
import { JobDetailPanel } from '../jobs'
import { ClassesPanel } from './classes-panel'
import { Gantt } from './gantt'
import { JobTable } from './job-table'
import { PredictionsPanel } from './predictions-panel'
import classes from './timeline.module.css'
import { WhatIfPanel } from './what-if-panel'

/** What ran where and what comes next, how true the predictions were, and what another machine would change. */
export function TimelinePage() {
  const { t } = useTranslation('timeline')
  const openId = useRoute().params.id ?? null
  const { items, ready, error } = useJobs()
  const devices = useDevices((state) => state.items)
  const shown = useDeferredValue(items)
  const jobs = useMemo(() => [...shown.values()], [shown])
  const [as, setAs] = useState<'chart' | 'table'>('chart')
  const open = useCallback((id: string) => navigate(pathTo('timeline', id), { replace: true }), [])
  const close = useCallback(() => navigate('/timeline', { replace: true }), [])
  const opened = openId === null ? null : (items.get(openId) ?? null)
  const switcher = (
    <SegmentedControl
      size="xs"
      value={as}
      onChange={(value) => setAs(value === 'table' ? 'table' : 'chart')}
      aria-label={t('shownAs')}
      data={(['chart', 'table'] as const).map((value) => ({ value, label: t(value) }))}
    />
  )
  return (
    <Page
      title={t('title')}
      detail={openId !== null && <JobDetailPanel key={openId} id={openId} live={opened} />}
      detailLabel={opened?.name ?? t('title')}
      onCloseDetail={close}
    >
      <Panel title={t('byDevice')} aside={switcher}>
        {error && !ready ? (
          <ErrorState error={error} />
        ) : as === 'chart' ? (
          <Gantt jobs={jobs} devices={devices} onOpen={open} />
        ) : (
          <div className={classes['table']}>
            <JobTable jobs={jobs} devices={devices} onOpen={open} />
          </div>
        )}
        {ready && jobs.length === 0 && as === 'chart' && <p className={classes['quiet']}>{t('emptyText')}</p>}
      </Panel>
      <div className={classes['columns']}>
        <PredictionsPanel />
        <WhatIfPanel />
      </div>
      <ClassesPanel />
    </Page>
  )
}
