import { SegmentedControl, Select } from '@mantine/core'
import type { AuditRecord } from '@shared/contract'
import { ACTION_NAMES } from '@shared/domain/actions'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { SearchField } from '../../components'
import { useAccess } from '../access/access-store'
import { actionWords } from '../access/policy-words'
import classes from './activity.module.css'
import { useActivityView } from './view-store'

/** Everyone there is, and everyone there was as far as the records tell. */
function usePeople(records: readonly AuditRecord[], chosen: string | null) {
  const principals = useAccess((state) => state.principals.items)
  return useMemo(() => {
    const names = new Map(principals.map(({ id, name }) => [id, name]))
    for (const { principal, principalName } of records) {
      if (!names.has(principal)) names.set(principal, principal === 'unknown' ? principal : principalName)
    }
    if (chosen !== null && !names.has(chosen)) names.set(chosen, chosen)
    return [...names]
      .map(([value, label]) => ({ value, label }))
      .sort((a, b) => a.label.localeCompare(b.label))
  }, [principals, records, chosen])
}

/** What the log is narrowed to. */
export function RecordFilters({ records }: { records: readonly AuditRecord[] }) {
  const { t } = useTranslation('activity')
  const { t: access } = useTranslation('access')
  const { filter, setFilter } = useActivityView()
  const people = usePeople(records, filter.principal)
  const actions = useMemo(
    () => [
      ...ACTION_NAMES.map((value) => ({ value, label: `${actionWords(access, value)} (${value})` })),
      { value: 'sign-in', label: t('signIn') },
    ],
    [access, t],
  )
  return (
    <>
      <SegmentedControl
        aria-label={t('decision.label')}
        value={filter.decision ?? 'all'}
        onChange={(value) => setFilter({ decision: value === 'allow' || value === 'deny' ? value : null })}
        data={(['all', 'deny', 'allow'] as const).map((value) => ({ value, label: t(`decision.${value}`) }))}
      />
      <SearchField
        className={classes['search']}
        label={t('search')}
        value={filter.text}
        onChange={(text) => setFilter({ text })}
      />
      <Select
        w={130}
        aria-label={t('who')}
        placeholder={t('anyone')}
        data={people}
        value={filter.principal}
        onChange={(principal) => setFilter({ principal })}
        searchable
        clearable
      />
      <Select
        w={160}
        aria-label={t('actionLabel')}
        placeholder={t('anyAction')}
        data={actions}
        value={filter.action}
        onChange={(action) => setFilter({ action })}
        searchable
        clearable
        maxDropdownHeight={320}
        comboboxProps={{ width: 300, position: 'bottom-start' }}
      />
    </>
  )
}
