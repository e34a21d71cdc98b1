import type { Principal } from '@shared/contract'
import type { Action } from '@shared/domain/actions'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { systemNow } from '../../../lib/clock'
import { useAct } from '../../../lib/use-act'
import classes from '../access.module.css'
import { refreshAccess } from '../access-store'
import { expiresAt } from '../keys'
import { Dialog } from './dialog'
import { ExpiryField, NEVER } from './expiry-field'
import { KeyShown, type NewKey } from './key-shown'
import { ScopesField } from './scopes-field'
import { useKeyGuard } from './use-key-guard'

/** Makes a key for someone who is there, and shows it once. */
export function KeyDialog(props: { principal: Principal; model: string | null; onClose: () => void }) {
  const { t } = useTranslation('access')
  const { principal } = props
  const [expiry, setExpiry] = useState(NEVER)
  const [scopes, setScopes] = useState<Action[]>([])
  const [made, setMade] = useState<NewKey | null>(null)
  const { busy, act } = useAct()
  const { onCopied, onClose } = useKeyGuard(made !== null, props.onClose)
  const until = expiresAt(expiry.choice, expiry.day, systemNow())

  const make = () =>
    act(async () => {
      const { key } = await getClient().security.keys.create({
        id: principal.id,
        ...(until ? { expiresAt: until } : {}),
        ...(scopes.length > 0 ? { scopes } : {}),
      })
      setMade({ name: principal.name, key, model: props.model })
      void refreshAccess()
    })

  return (
    <Dialog
      size={made ? 620 : 440}
      title={made ? t('shown.title', { name: principal.name }) : t('makeKey.title', { name: principal.name })}
      onClose={onClose}
      closeOnClickOutside={false}
    >
      {made ? (
        <KeyShown made={made} onDone={props.onClose} onCopied={onCopied} />
      ) : (
        <form
          className={classes['form']}
          onSubmit={(event) => {
            event.preventDefault()
            void make()
          }}
        >
          <div className={classes['dim']}>{t('makeKey.text', { name: principal.name })}</div>
          <ExpiryField value={expiry} onChange={setExpiry} />
          <ScopesField value={scopes} onChange={setScopes} />
          <div className={classes['footer']}>
            <SubmitButton busy={busy} disabled={until === null}>
              {t('makeKey.submit')}
            </SubmitButton>
          </div>
        </form>
      )}
    </Dialog>
  )
}
