import { Badge, Button } from '@mantine/core'
import type { Policy } from '@shared/contract'
import { IconFileSearch, IconFileText, IconSearch } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  type Column,
  EmptyState,
  ErrorState,
  Panel,
  RelativeTime,
  SearchField,
  TwoLines,
  VirtualTable,
} from '../../../components'
import classes from '../access.module.css'
import { refreshAccess, useAccess, useNameOf } from '../access-store'
import { builtInWords, policyWords } from '../policy-words'
import { goTo } from '../routes'
import { NEW, useDrafts } from './drafts'
import { PolicyEditor } from './policy-editor'

interface Row {
  policy: Policy
  words: string
  edited: boolean
}

function columnsOf(t: TFunction<'access'>): Column<Row>[] {
  return [
    {
      key: 'policy',
      header: t('policies.policy'),
      width: 'minmax(0, 1fr)',
      render: ({ policy, words, edited }) => (
        <TwoLines
          first={
            <>
              <span className={classes['name']} title={policy.description || undefined}>
                {policy.id}
              </span>
              {policy.builtIn && <Badge ml={8}>{t('policies.builtIn')}</Badge>}
              {edited && <span className={classes['you']}>{t('policies.edited')}</span>}
            </>
          }
          second={words}
        />
      ),
    },
    {
      key: 'updated',
      header: t('policies.updated'),
      width: '84px',
      hideBelow: 380,
      render: ({ policy }) => (
        <span className={classes['dim']}>
          {policy.builtIn ? '–' : <RelativeTime at={policy.updatedAt} />}
        </span>
      ),
    },
  ]
}

/** What people wrote first, by the newest change; then what is built in. */
function rowsOf(
  policies: readonly Policy[],
  text: string,
  drafts: ReadonlyMap<string, unknown>,
  wordsOf: (policy: Policy) => string,
): Row[] {
  const wanted = text.trim().toLowerCase()
  return policies
    .map((policy) => ({ policy, words: wordsOf(policy), edited: drafts.has(policy.id) }))
    .filter(({ policy, words }) =>
      [policy.id, policy.description, policy.text, words].some((part) => part.toLowerCase().includes(wanted)),
    )
    .sort((a, b) => {
      if (a.policy.builtIn !== b.policy.builtIn) return a.policy.builtIn ? 1 : -1
      return a.policy.updatedAt < b.policy.updatedAt ? 1 : -1
    })
}

function Side({ selected, draft }: { selected: string | null; draft: boolean }) {
  const { t } = useTranslation('access')
  const { items, ready } = useAccess((state) => state.policies)
  const policy = items.find(({ id }) => id === selected) ?? null
  if (draft) return <PolicyEditor key={NEW} policy={null} />
  if (policy) return <PolicyEditor key={policy.id} policy={policy} />
  const gone = selected !== null && ready
  return (
    <section className={classes['editor']} data-quiet={!gone || undefined} aria-label={t('policies.policy')}>
      <EmptyState
        icon={gone ? IconFileSearch : IconFileText}
        title={gone ? t('editor.goneTitle', { id: selected }) : t('editor.chooseTitle')}
        text={gone ? t('editor.goneText') : t('editor.chooseText')}
        action={
          <Button variant="default" onClick={() => goTo({ tab: 'policies', draft: true })}>
            {t('newPolicy')}
          </Button>
        }
      />
    </section>
  )
}

/** Every policy in force, each with its text beside the list. */
export function PoliciesTab({ selected, draft }: { selected: string | null; draft: boolean }) {
  const { t } = useTranslation('access')
  const { items, ready, error } = useAccess((state) => state.policies)
  const drafts = useDrafts((state) => state.drafts)
  const nameOf = useNameOf()
  const [text, setText] = useState('')
  const rows = useMemo(
    () =>
      rowsOf(items, text, drafts, (policy) => {
        if (policy.builtIn) return builtInWords(t, policy)
        return policyWords(t, policy, nameOf) ?? (policy.description || t('policies.unclear'))
      }),
    [items, text, drafts, nameOf, t],
  )
  const columns = useMemo(() => columnsOf(t), [t])
  if (error && !ready) {
    return (
      <Panel fill aria-label={t('policies.table')}>
        <ErrorState error={error} onRetry={() => void refreshAccess()} />
      </Panel>
    )
  }
  return (
    <div className={classes['splitWrap']} data-fill>
      <div className={classes['split']}>
        <div className={classes['column']}>
          <SearchField label={t('policies.search')} value={text} onChange={setText} />
          <Panel flush fill aria-label={t('policies.table')}>
            <VirtualTable
              label={t('policies.table')}
              rows={rows}
              rowKey={({ policy }) => policy.id}
              columns={columns}
              rowHeight={48}
              onSelect={({ policy }) => goTo({ tab: 'policies', policy: policy.id })}
              selectedKey={draft ? null : selected}
              empty={
                ready && (
                  <EmptyState
                    compact
                    icon={IconSearch}
                    title={t('policies.noneFit', { text })}
                    text={t('policies.noneFitText')}
                  />
                )
              }
            />
          </Panel>
        </div>
        <Side selected={selected} draft={draft} />
      </div>
    </div>
  )
}
