import { Button, Loader } from '@mantine/core'
import type { Job } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import { IconInbox, IconPlus, IconStack2 } from '@tabler/icons-react'
import {
  type KeyboardEvent,
  type MouseEvent,
  useCallback,
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { useTranslation } from 'react-i18next'
import { EmptyState, ErrorState, ListFoot, Page, Panel, VirtualTable } from '../../components'
import { usePrincipalNames } from '../../lib/principal-names'
import { useSeesJobsOfAll } from '../../lib/rights'
import { navigate, pathTo, useRoute } from '../../lib/router'
import { useDevices, useJobs, useQueue } from '../../lib/stores'
import { askToCancel } from './job-actions'
import { jobColumns, markColumn } from './job-columns'
import { JobDetailPanel } from './job-detail-panel'
import { JobFilters } from './job-filters'
import {
  countsOf,
  filterChoices,
  filterJobs,
  includesEnded,
  NO_FILTER,
  sortJobs,
  type WaitingPart,
  waitingPart,
} from './job-list'
import { JobMenuItems } from './job-menu'
import classes from './jobs.module.css'
import { useJobsView } from './jobs-store'
import { NewJobDialog } from './new-job-dialog'
import { OlderJobsBar } from './older-jobs-bar'
import { keepExisting, moveCursor, NOTHING_SELECTED, selectRow } from './selection'
import { useOlderJobs } from './use-older-jobs'

function Counts() {
  const { t } = useTranslation('jobs')
  const queue = useQueue((state) => state.value)
  const isWhole = useSeesJobsOfAll()
  if (!queue) return null
  const counts = countsOf(queue)
  const parts = [
    t('counts.waiting', { count: counts.waiting }),
    t('counts.running', { count: counts.running }),
    ...(counts.held > 0 ? [t('counts.held', { count: counts.held })] : []),
    t('counts.done', { count: counts.doneLastHour }),
  ]
  const words = parts.join(' · ')
  return <div className={classes['counts']}>{isWhole ? words : t('counts.ofAll', { counts: words })}</div>
}

/** How the queue stands, or how many jobs are marked and what can be done with them. */
function Marks({ jobs, onClear }: { jobs: readonly Job[]; onClear: () => void }) {
  const { t } = useTranslation('jobs')
  // Not disabled: its dialog gives it the focus back.
  const allEnded = jobs.every(({ state }) => isTerminal(state))
  return (
    <div className={classes['marks']}>
      <span role="status">{jobs.length > 0 && t('marked.count', { count: jobs.length })}</span>
      {jobs.length === 0 ? (
        <Counts />
      ) : (
        <>
          <Button
            variant="light"
            color="red"
            aria-disabled={allEnded || undefined}
            data-disabled={allEnded || undefined}
            onClick={() => allEnded || askToCancel(jobs)}
          >
            {t('marked.cancel')}
          </Button>
          <Button variant="default" onClick={onClear}>
            {t('marked.clear')}
          </Button>
        </>
      )}
    </div>
  )
}

/** Below the list, where more wait than it can hold. */
function WaitingFoot({ jobs }: { jobs: readonly Job[] }) {
  const { t } = useTranslation('jobs')
  const queue = useQueue((state) => state.value)
  const isWhole = useSeesJobsOfAll()
  const [part, setPart] = useState<WaitingPart | null>(null)
  useEffect(
    () => setPart((old) => (queue && isWhole ? waitingPart(old, jobs, countsOf(queue)) : null)),
    [queue, isWhole, jobs],
  )
  return part && <ListFoot words={t('waitingPart', { listed: part.listed, count: part.total })} more={null} />
}

/** Until the first snapshot is whole. */
function Waiting() {
  const { t } = useTranslation('jobs')
  return (
    <div className={classes['waiting']} role="status" aria-label={t('loading')}>
      <Loader />
    </div>
  )
}

function NoRows({ any }: { any: boolean }) {
  const { t } = useTranslation('jobs')
  const { filter, setFilter } = useJobsView()
  if (!any) {
    return (
      <EmptyState
        icon={IconStack2}
        title={t('empty.title')}
        text={t('empty.text')}
        action={<Button onClick={() => navigate('/jobs?new')}>{t('newJob')}</Button>}
      />
    )
  }
  const onlyGroup = JSON.stringify({ ...filter, group: 'all' }) === JSON.stringify(NO_FILTER)
  if (onlyGroup && (filter.group === 'active' || filter.group === 'waiting')) {
    return (
      <EmptyState
        icon={IconInbox}
        title={t('empty.activeTitle')}
        text={t('empty.activeText')}
        action={
          <Button variant="default" onClick={() => setFilter({ group: 'ended' })}>
            {t('empty.showEnded')}
          </Button>
        }
      />
    )
  }
  return (
    <EmptyState
      icon={IconInbox}
      title={t('empty.noneTitle')}
      text={t('empty.noneText')}
      action={
        <Button variant="default" onClick={() => setFilter(NO_FILTER)}>
          {t('filter.clearAll')}
        </Button>
      }
    />
  )
}

/** Keys that enter a list in which no row is current yet, and from which side. */
const FIRST_STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, Home: 1, End: -1 }

/** The queue: every job with its reason, filters, many at once, and one in detail beside the list. */
export function JobsPage() {
  const { t } = useTranslation('jobs')
  const { params, query } = useRoute()
  const openId = params.id ?? null
  const { items, ready, error } = useJobs()
  const devices = useDevices((state) => state.items)
  const nameOf = usePrincipalNames()
  const { filter, sort, reversed, selection, setSelection } = useJobsView()

  // While thousands of jobs change, typing and scrolling come first.
  const shown = useDeferredValue(items)
  const older = useOlderJobs(shown, ready, filter)
  const known = older.all
  const jobs = useMemo(() => [...known.values()], [known])
  const any = jobs.length > 0 || older.exist
  const rows = useMemo(
    () => sortJobs(filterJobs(jobs, filter), sort, reversed),
    [jobs, filter, sort, reversed],
  )
  const ids = useMemo(() => rows.map((job) => job.id), [rows])
  const choices = useMemo(() => filterChoices(jobs), [jobs])

  // One that is opened from elsewhere is where the keyboard stands, too.
  useEffect(() => {
    if (openId === null) return
    setSelection((old) =>
      old.cursor === openId ? old : { marked: new Set(), anchor: openId, cursor: openId },
    )
  }, [openId, setSelection])

  useEffect(() => setSelection((old) => keepExisting(old, (id) => known.has(id))), [known, setSelection])

  // The table tells which row was chosen, not with which keys: they are noted on the way down.
  const gesture = useRef({ shift: false, toggle: false, moving: false })
  const onClickCapture = (event: MouseEvent) => {
    gesture.current = { shift: event.shiftKey, toggle: event.ctrlKey || event.metaKey, moving: false }
  }

  const open = useCallback((id: string) => navigate(pathTo('jobs', id), { replace: true }), [])
  const close = useCallback(() => navigate('/jobs', { replace: true }), [])

  const { marked } = selection
  // What a filter hides is not acted on.
  const markedJobs = useMemo(() => rows.filter((job) => marked.has(job.id)), [rows, marked])
  const marking = markedJobs.length > 0

  const onSelect = (job: Job) => {
    const { shift, toggle, moving } = gesture.current
    setSelection((old) => selectRow(old, ids, job.id, { shift, toggle }))
    // Moving through the list takes an open detail along, and opens none.
    if (!shift && !toggle && (!moving || openId !== null)) open(job.id)
  }

  const onKeyDownCapture = (event: KeyboardEvent<HTMLDivElement>) => {
    const inTable = event.target instanceof HTMLElement && event.target.getAttribute('role') === 'grid'
    if (!inTable) return
    const done = () => {
      event.preventDefault()
      event.stopPropagation()
    }
    const command = event.ctrlKey || event.metaKey
    gesture.current = { shift: event.shiftKey, toggle: false, moving: event.key !== 'Enter' }
    const cursor = selection.cursor ?? openId
    if (event.key in FIRST_STEPS && cursor === null) {
      done()
      setSelection((old) => moveCursor(old, ids, FIRST_STEPS[event.key] ?? 1, false))
    } else if (event.key === 'Delete' || (event.key === 'Backspace' && event.metaKey)) {
      done()
      askToCancel(marking ? markedJobs : rows.filter(({ id }) => id === cursor))
    } else if (event.key === ' ' && cursor !== null) {
      done()
      setSelection((old) => selectRow(old, ids, cursor, { shift: false, toggle: true }))
    } else if (event.key.toLowerCase() === 'a' && command) {
      done()
      setSelection((old) => ({ ...old, marked: new Set(ids) }))
    }
  }

  // Read at the click, so that the cells need not change with every job that comes and goes.
  const idsNow = useRef(ids)
  useEffect(() => {
    idsNow.current = ids
  }, [ids])
  const onMark = useCallback(
    (job: Job, shift: boolean) =>
      setSelection((old) => selectRow(old, idsNow.current, job.id, { shift, toggle: true })),
    [setSelection],
  )

  const area = useRef<HTMLDivElement>(null)
  const clearMarks = () => {
    setSelection((old) => ({ ...old, marked: new Set() }))
    // The button goes with the marks.
    area.current?.querySelector<HTMLElement>('[role="grid"]')?.focus({ preventScroll: true })
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list begins at its top
  useEffect(() => {
    area.current?.querySelector('[role="grid"]')?.scrollTo({ top: 0 })
  }, [filter, sort, reversed])

  const allMarked = marking && markedJobs.length === rows.length
  const ofJob = useMemo(() => jobColumns({ t, devices, nameOf }), [t, devices, nameOf])
  const columns = useMemo(() => {
    const onMarkAll = () =>
      setSelection((old) => (allMarked ? NOTHING_SELECTED : { ...old, marked: new Set(idsNow.current) }))
    return [markColumn({ t, marked, marking, onMark, allMarked, onMarkAll }), ...ofJob]
  }, [t, marked, marking, onMark, allMarked, setSelection, ofJob])

  const opened = openId === null ? null : (items.get(openId) ?? known.get(openId) ?? null)
  return (
    <Page
      title={t('title')}
      fill
      actions={
        <Button leftSection={<IconPlus size={15} stroke={1.6} />} onClick={() => navigate('/jobs?new')}>
          {t('newJob')}
        </Button>
      }
      detailKey={openId}
      detail={openId !== null && <JobDetailPanel key={openId} id={openId} live={opened} />}
      detailLabel={opened ? t('detailLabel', { name: opened.name }) : t('title')}
      onCloseDetail={close}
    >
      {any && (
        <section className={classes['filters']} aria-label={t('filter.label')}>
          <JobFilters models={choices.models} principals={choices.principals} nameOf={nameOf} />
          <Marks jobs={markedJobs} onClear={clearMarks} />
        </section>
      )}
      <Panel flush fill aria-label={t('tableLabel')}>
        {error && !ready ? (
          <ErrorState error={error} />
        ) : (
          <div
            ref={area}
            className={classes['tableArea']}
            onClickCapture={onClickCapture}
            onKeyDownCapture={onKeyDownCapture}
          >
            <VirtualTable
              label={t('tableLabel')}
              rows={rows}
              rowKey={(job) => job.id}
              columns={columns}
              rowHeight={48}
              onSelect={onSelect}
              selectedKey={selection.cursor ?? openId}
              marked={marked}
              menu={(job) => <JobMenuItems job={job} />}
              empty={!ready || (jobs.length === 0 && older.awaited) ? <Waiting /> : <NoRows any={any} />}
            />
            {filter.group !== 'ended' && <WaitingFoot jobs={jobs} />}
            {includesEnded(filter.group) && <OlderJobsBar older={older} />}
          </div>
        )}
      </Panel>
      <NewJobDialog
        opened={query.has('new')}
        onClose={close}
        model={query.get('new') || null}
        dataset={query.get('dataset')}
      />
    </Page>
  )
}
