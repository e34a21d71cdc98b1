import { Button } from '@mantine/core'
import type { Principal } from '@shared/contract'
import { IconApps, IconUser, IconUserPlus } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import {
  type Column,
  EmptyState,
  ErrorState,
  Mono,
  Panel,
  RelativeTime,
  TwoLines,
  VirtualTable,
} from '../../../components'
import { useNow } from '../../../lib/clock'
import { useMe } from '../../../lib/stores'
import classes from '../access.module.css'
import { refreshAccess, useAccess } from '../access-store'
import { lastUsed, sortKeys } from '../keys'
import { goTo } from '../routes'

function KeysCell({ principal, t }: { principal: Principal; t: TFunction<'access'> }) {
  const { active } = sortKeys(principal.keys, useNow())
  const [newest] = active
  if (!newest) {
    return (
      <span className={classes['dim']}>
        {t(principal.keys.length > 0 ? 'people.noActiveKeys' : 'people.noKeys')}
      </span>
    )
  }
  const soonest = active.reduce<string | null>(
    (soon, { expiresAt }) => (expiresAt !== null && (soon === null || expiresAt < soon) ? expiresAt : soon),
    null,
  )
  return (
    <div>
      <div>
        {t('people.activeKeys', { count: active.length })} <Mono dimmed>{newest.prefix}…</Mono>
      </div>
      <div className={classes['small']}>
        {soonest === null ? (
          t('key.noExpiry')
        ) : (
          <>
            {t('key.expires')} <RelativeTime at={soonest} />
          </>
        )}
      </div>
    </div>
  )
}

function columnsOf(t: TFunction<'access'>, meId: string | undefined): Column<Principal>[] {
  return [
    {
      key: 'name',
      header: t('people.name'),
      width: 'minmax(150px, 2fr)',
      render: ({ id, name, kind }) => {
        const Icon = kind === 'app' ? IconApps : IconUser
        return (
          <div className={classes['who']}>
            <Icon size={17} stroke={1.6} aria-label={t(`kind.${kind}`)} role="img" />
            <TwoLines
              first={
                <>
                  <span className={classes['name']} title={name}>
                    {name}
                  </span>
                  {id === meId && <span className={classes['you']}>{t('people.you')}</span>}
                </>
              }
              second={id === name ? null : id}
            />
          </div>
        )
      },
    },
    {
      key: 'roles',
      header: t('people.roles'),
      width: 'minmax(110px, 1fr)',
      render: ({ kind, roles }) => (
        <TwoLines
          first={t(`kind.${kind}`)}
          second={
            kind === 'app' && roles.every((role) => role === 'app')
              ? null
              : roles.map((role) => t(`role.${role}`)).join(', ')
          }
        />
      ),
    },
    {
      key: 'keys',
      header: t('people.keys'),
      width: 'minmax(150px, 1.4fr)',
      render: (principal) => <KeysCell principal={principal} t={t} />,
    },
    {
      key: 'used',
      header: t('people.lastUsed'),
      width: 'minmax(90px, 0.8fr)',
      hideBelow: 560,
      render: ({ keys }) => {
        const at = lastUsed(keys)
        return at === null ? (
          <span className={classes['dim']}>{t('people.never')}</span>
        ) : (
          <RelativeTime at={at} />
        )
      },
    },
    {
      key: 'created',
      header: t('people.created'),
      width: 'minmax(90px, 0.8fr)',
      hideBelow: 680,
      render: ({ createdAt }) => <RelativeTime at={createdAt} />,
    },
  ]
}

/** People first, then apps, each by name: a list that stays where it is while it is used. */
function sorted(principals: readonly Principal[]): Principal[] {
  return [...principals].sort((a, b) => {
    if (a.kind !== b.kind) return a.kind === 'user' ? -1 : 1
    return a.name.localeCompare(b.name)
  })
}

/** Who may use this system, and with which keys. */
export function PeopleTab({ selected }: { selected: string | null }) {
  const { t } = useTranslation('access')
  const { items, ready, error } = useAccess((state) => state.principals)
  const meId = useMe((state) => state.value?.id)
  const rows = useMemo(() => sorted(items), [items])
  const columns = useMemo(() => columnsOf(t, meId), [t, meId])
  if (error && !ready) {
    return (
      <Panel fill aria-label={t('people.table')}>
        <ErrorState error={error} onRetry={() => void refreshAccess()} />
      </Panel>
    )
  }
  const alone = ready && rows.length <= 1
  return (
    <>
      <Panel flush fill={!alone} aria-label={t('people.table')}>
        <div className={alone ? classes['alone'] : classes['fill']}>
          <VirtualTable
            label={t('people.table')}
            rows={rows}
            rowKey={({ id }) => id}
            columns={columns}
            rowHeight={48}
            onSelect={({ id }) => goTo({ principal: id })}
            selectedKey={selected}
            {...(alone ? { maxHeight: 200 } : {})}
          />
        </div>
      </Panel>
      {alone && (
        <EmptyState
          icon={IconUserPlus}
          title={t('people.emptyTitle')}
          text={t('people.emptyText')}
          action={<Button onClick={() => goTo({ dialog: 'add' })}>{t('addApp')}</Button>}
        />
      )}
    </>
  )
}
