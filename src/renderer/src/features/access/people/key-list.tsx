import { Button } from '@mantine/core'
import type { ApiKey, Principal } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmButton, Mono, RelativeTime, StateDot, type StateName } from '../../../components'
import { getClient } from '../../../lib/client'
import { useNow } from '../../../lib/clock'
import { localeOf, useLanguage } from '../../../lib/i18n'
import classes from '../access.module.css'
import { refreshAccess } from '../access-store'
import { type KeyState, keyState, sortKeys } from '../keys'
import { actionWords } from '../policy-words'

const DOTS: Record<KeyState, StateName> = { active: 'on', expired: 'expired', revoked: 'off' }

async function revoke(key: ApiKey): Promise<void> {
  await getClient().security.keys.revoke({ id: key.id })
  await refreshAccess()
}

function KeyRow({ apiKey, nowMs }: { apiKey: ApiKey; nowMs: number }) {
  const { t } = useTranslation('access')
  const state = keyState(apiKey, nowMs)
  const prefix = apiKey.prefix
  const locale = localeOf(useLanguage((state) => state.language))
  return (
    <li className={classes['key']}>
      <div>
        <div className={classes['keyFirst']}>
          <Mono>{prefix}…</Mono>
          <StateDot state={DOTS[state]} label={t(`key.state.${state}`)} />
        </div>
        <div className={classes['keySecond']}>
          {state === 'revoked' ? (
            <>
              {t('key.revoked')} <RelativeTime at={apiKey.revokedAt} />
            </>
          ) : apiKey.expiresAt === null ? (
            t('key.noExpiry')
          ) : (
            <>
              {t(state === 'expired' ? 'key.expired' : 'key.expires')} <RelativeTime at={apiKey.expiresAt} />
            </>
          )}
          {' · '}
          {apiKey.lastUsedAt === null ? (
            t('key.unused')
          ) : (
            <>
              {t('key.used')} <RelativeTime at={apiKey.lastUsedAt} />
            </>
          )}
        </div>
        {apiKey.scopes && (
          <div className={classes['keySecond']}>
            {t('key.only', {
              actions: new Intl.ListFormat(locale, { type: 'conjunction' }).format(
                apiKey.scopes.map((action) => actionWords(t, action)),
              ),
            })}
          </div>
        )}
      </div>
      {state === 'active' && (
        <ConfirmButton
          aria-label={t('key.revokeLabel', { prefix })}
          title={t('key.revokeTitle', { prefix })}
          message={t('key.revokeText')}
          confirmLabel={t('key.revoke')}
          onConfirm={() => revoke(apiKey)}
        >
          {t('key.revoke')}
        </ConfirmButton>
      )}
    </li>
  )
}

/** The keys of a principal: those that open something, and on demand those that did. */
export function KeyList({ principal }: { principal: Principal }) {
  const { t } = useTranslation('access')
  const nowMs = useNow()
  const [all, setAll] = useState(false)
  const { active, ended } = sortKeys(principal.keys, nowMs)
  if (principal.keys.length === 0) {
    return <div className={classes['dim']}>{t(principal.kind === 'app' ? 'key.none' : 'key.noneUser')}</div>
  }
  const shown = all || active.length === 0 ? [...active, ...ended] : active
  const hidden = principal.keys.length - shown.length
  return (
    <>
      <ul className={classes['keyList']}>
        {shown.map((key) => (
          <KeyRow key={key.id} apiKey={key} nowMs={nowMs} />
        ))}
      </ul>
      {hidden > 0 && (
        <Button
          variant="subtle"
          color="gray"
          size="compact-xs"
          style={{ alignSelf: 'flex-start' }}
          onClick={() => setAll(true)}
        >
          {t('key.older', { count: hidden })}
        </Button>
      )}
    </>
  )
}
