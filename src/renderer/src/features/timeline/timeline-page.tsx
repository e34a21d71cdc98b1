import { Button, SegmentedControl } from '@mantine/core'
import { IconTimeline } from '@tabler/icons-react'
import { useCallback, useDeferredValue, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { EmptyState, ErrorState, Page, Panel } from '../../components'
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
      detailKey={openId}
      detail={openId !== null && <JobDetailPanel key={openId} id={openId} live={opened} />}
      detailLabel={opened?.name ?? t('title')}
      onCloseDetail={close}
    >
      <Panel title={t('byDevice')} aside={jobs.length > 0 && switcher}>
        {error && !ready ? (
          <ErrorState error={error} />
        ) : ready && jobs.length === 0 ? (
          <EmptyState
            icon={IconTimeline}
            title={t('empty')}
            text={t('emptyText')}
            action={<Button onClick={() => navigate('/jobs?new')}>{t('newJob')}</Button>}
          />
        ) : as === 'chart' ? (
          <Gantt jobs={jobs} devices={devices} onOpen={open} />
        ) : (
          <div className={classes['table']}>
            <JobTable jobs={jobs} devices={devices} onOpen={open} />
          </div>
        )}
      </Panel>
      <div className={classes['columns']}>
        <PredictionsPanel />
        <WhatIfPanel />
      </div>
      <ClassesPanel />
    </Page>
  )
}
