import { Button } from '@mantine/core'
import { IconArrowUp, IconHistory, IconZoomQuestion } from '@tabler/icons-react'
import { type UIEvent, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { BusyButton, EmptyState, ErrorState, Page, Panel, VirtualTable } from '../../components'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { navigate, useRoute } from '../../lib/router'
import { useFollowAccess } from '../access/access-store'
import { accessPath } from '../access/routes'
import classes from './activity.module.css'
import { recordColumns } from './record-columns'
import { RecordDetail } from './record-detail'
import { RecordFilters } from './record-filters'
import { filterRecords, holdBack, NO_FILTER } from './records'
import { type Log, useLog } from './use-log'
import { VerifyButton, VerifyOutcome } from './verify-log'
import { useActivityView } from './view-store'

/** A link such as `/activity?principal=notes-app&decision=deny` sets the filters, once. */
function useLinkedFilter(): void {
  const { query } = useRoute()
  const setFilter = useActivityView((state) => state.setFilter)
  useEffect(() => {
    const principal = query.get('principal')
    const decision = query.get('decision')
    if (principal === null && decision === null) return
    setFilter({
      ...NO_FILTER,
      principal,
      decision: decision === 'allow' || decision === 'deny' ? decision : null,
    })
    navigate('/activity', { replace: true })
  }, [query, setFilter])
}

function NoRows({ log }: { log: Log }) {
  const { t } = useTranslation('activity')
  const locale = localeOf(useLanguage((state) => state.language))
  const { filter, setFilter } = useActivityView()
  if (!log.ready) return <div />
  if (JSON.stringify(filter) === JSON.stringify(NO_FILTER)) {
    return (
      <EmptyState
        icon={IconHistory}
        title={t('empty.title')}
        text={t('empty.text')}
        action={<Button onClick={() => navigate(accessPath({ dialog: 'add' }))}>{t('empty.action')}</Button>}
      />
    )
  }
  return (
    <EmptyState
      icon={IconZoomQuestion}
      title={t('noneFit.title')}
      text={t('noneFit.text', { total: formatNumber(log.records.length, locale, 0) })}
      action={
        <>
          <Button variant="default" onClick={() => setFilter(NO_FILTER)}>
            {t('noneFit.clear')}
          </Button>
          {log.more && (
            <BusyButton busy={log.loading} onClick={log.loadMore}>
              {t('loadOlder')}
            </BusyButton>
          )}
        </>
      }
    />
  )
}

/** How far back the list goes, and the way further. */
function Foot({ log, shown, total }: { log: Log; shown: number; total: number }) {
  const { t } = useTranslation('activity')
  const locale = localeOf(useLanguage((state) => state.language))
  if (shown === 0) return null
  const number = (value: number) => formatNumber(value, locale, 0)
  return (
    <div className={classes['foot']}>
      <span>
        {shown >= total
          ? t('counts.records', { total: number(total) })
          : t('counts.shown', { shown: number(shown), total: number(total) })}
      </span>
      {log.error && (
        <span className={classes['failed']}>{t('olderFailed', { reason: log.error.message })}</span>
      )}
      {log.more || log.loading || log.error ? (
        // Not disabled while it loads: it keeps the focus.
        <Button
          variant="subtle"
          color="gray"
          size="compact-xs"
          aria-busy={log.loading}
          onClick={log.loadMore}
        >
          {log.loading ? t('loadingOlder') : t('loadOlder')}
        </Button>
      ) : (
        log.ready && t('end')
      )}
    </div>
  )
}

const NEAR_END_PX = 1200
const AT_TOP_PX = 24

/** What was decided and why, newest first and live. */
export function ActivityPage() {
  const { t } = useTranslation('activity')
  const { t: access } = useTranslation('access')
  useFollowAccess()
  useLinkedFilter()
  const { filter, selected, select } = useActivityView()
  const log = useLog(filter)
  const records = useDeferredValue(log.records)
  const { loadMore } = log
  const canLoad = log.more && !log.loading && log.error === null
  const isSearch = filter.text !== '' || filter.action !== null
  const fitting = useMemo(() => filterRecords(records, filter), [records, filter])

  // Scrolled away from the top, new records wait, so that rows stay where they are read.
  const area = useRef<HTMLDivElement>(null)
  const [topId, setTopId] = useState<string | null>(null)
  const { shown, newer } = useMemo(() => holdBack(fitting, topId), [fitting, topId])
  const newest = fitting[0]?.id ?? null

  const isNearEnd = useRef(false)
  const onScroll = (event: UIEvent<HTMLDivElement>) => {
    if (!(event.target instanceof HTMLElement) || event.target.getAttribute('role') !== 'grid') return
    const { scrollTop, clientHeight, scrollHeight } = event.target
    setTopId((top) => (scrollTop <= AT_TOP_PX ? null : (top ?? newest)))
    isNearEnd.current = scrollTop > 0 && scrollHeight - scrollTop - clientHeight < NEAR_END_PX
    if (isNearEnd.current && canLoad) loadMore()
  }
  // Someone at the very end scrolls no further: what became loadable meanwhile is loaded for them. Not while a text or
  // an action is looked for, which may be nowhere: then they say how far back to look.
  useEffect(() => {
    if (isNearEnd.current && canLoad && !isSearch) {
      isNearEnd.current = false
      loadMore()
    }
  }, [canLoad, isSearch, loadMore])

  const toTop = () => {
    setTopId(null)
    area.current?.querySelector('[role="grid"]')?.scrollTo({ top: 0 })
  }

  const columns = useMemo(() => recordColumns(t, access), [t, access])
  const close = useCallback(() => select(null), [select])
  return (
    <Page
      title={t('title')}
      fill
      actions={<VerifyButton />}
      detailKey={selected?.id ?? null}
      detail={selected !== null && <RecordDetail key={selected.id} record={selected} />}
      detailLabel={selected ? t('detail.label', { id: selected.id }) : t('title')}
      onCloseDetail={close}
    >
      <VerifyOutcome />
      <search className={classes['filters']} aria-label={t('filters')}>
        <RecordFilters records={records} />
      </search>
      <Panel flush fill aria-label={t('table')}>
        {log.error && records.length === 0 ? (
          <ErrorState error={log.error} onRetry={log.loadMore} />
        ) : (
          <div ref={area} className={classes['area']} onScrollCapture={onScroll}>
            {newer > 0 && (
              <Button
                className={classes['newer']}
                size="compact-sm"
                leftSection={<IconArrowUp size={14} stroke={1.6} />}
                onClick={toTop}
              >
                {t('newer', { count: newer })}
              </Button>
            )}
            <VirtualTable
              label={t('table')}
              rows={shown}
              rowKey={({ id }) => id}
              columns={columns}
              rowHeight={48}
              onSelect={select}
              selectedKey={selected?.id ?? null}
              empty={<NoRows log={log} />}
            />
            <Foot log={log} shown={fitting.length} total={records.length} />
          </div>
        )}
      </Panel>
    </Page>
  )
}
