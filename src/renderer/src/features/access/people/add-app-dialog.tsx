import { Alert, Checkbox, TextInput } from '@mantine/core'
import type { Principal } from '@shared/contract'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { systemNow } from '../../../lib/clock'
import { toErrorView } from '../../../lib/errors'
import { useAct } from '../../../lib/use-act'
import classes from '../access.module.css'
import { refreshAccess, useAccess } from '../access-store'
import { grantPolicy, likelyPrincipalId, renamePrincipal } from '../cedar/write-policy'
import { expiresAt } from '../keys'
import { Dialog } from './dialog'
import { ExpiryField, NEVER } from './expiry-field'
import { GrantFields } from './grant-fields'
import { KeyShown, type NewKey } from './key-shown'
import { useGrant } from './use-grant'
import { useKeyGuard } from './use-key-guard'

/** An app in one step: its name, what it may do, and its key. What was done stays done when a later part fails. */
export function AddAppDialog(props: { onClose: () => void; onAdded: (id: string) => void }) {
  const { t } = useTranslation('access')
  const principals = useAccess((state) => state.principals.items)
  const [name, setName] = useState('')
  const [withKey, setWithKey] = useState(true)
  const [expiry, setExpiry] = useState(NEVER)
  const [app, setApp] = useState<Principal | null>(null)
  const [policySaved, setPolicySaved] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const [made, setMade] = useState<NewKey | null>(null)
  const { busy, act } = useAct()

  const trimmed = name.trim()
  const likelyId = useMemo(
    () => likelyPrincipalId(trimmed, new Set(principals.map(({ id }) => id))),
    [trimmed, principals],
  )
  const who = useMemo(() => ({ kind: 'app' as const, id: app?.id ?? likelyId }), [app, likelyId])
  const form = useGrant(t, who, trimmed)
  const until = expiresAt(expiry.choice, expiry.day, systemNow())
  const taken = app === null && principals.some((other) => other.name.toLowerCase() === trimmed.toLowerCase())

  const finish = (id: string) => {
    props.onAdded(id)
  }
  const { onCopied, onClose } = useKeyGuard(made !== null, () => (app ? finish(app.id) : props.onClose()))

  async function savePolicy(owner: Principal): Promise<void> {
    if (policySaved || form.nothing) return
    // The id was a guess until the system gave it.
    const text = form.edited
      ? renamePrincipal(form.text, who, owner)
      : grantPolicy(owner, form.grant, form.description)
    const id = owner.id === who.id ? form.policyId : form.policyId.replace(who.id, owner.id).slice(0, 63)
    await getClient().security.policies.set({ id, text, description: form.description })
    setPolicySaved(true)
  }

  const submit = () =>
    act(async () => {
      const owner =
        app ?? (await getClient().security.principals.create({ kind: 'app', name: trimmed, roles: ['app'] }))
      setApp(owner)
      try {
        await savePolicy(owner)
        if (!withKey) return finish(owner.id)
        const { key } = await getClient().security.keys.create({
          id: owner.id,
          ...(until ? { expiresAt: until } : {}),
        })
        setFailure(null)
        setMade({ name: owner.name, key, model: form.grant.models[0] ?? null })
      } catch (error) {
        setFailure(toErrorView(error).message)
      } finally {
        void refreshAccess()
      }
    })

  if (made) {
    return (
      <Dialog
        size={620}
        title={t('shown.title', { name: made.name })}
        onClose={onClose}
        closeOnClickOutside={false}
      >
        <KeyShown made={made} onDone={() => app && finish(app.id)} onCopied={onCopied} />
      </Dialog>
    )
  }
  return (
    <Dialog size={600} title={t('addAppForm.title')} onClose={onClose}>
      <form
        className={classes['form']}
        onSubmit={(event) => {
          event.preventDefault()
          if (trimmed !== '') void submit()
        }}
      >
        <TextInput
          data-autofocus
          label={t('addAppForm.name')}
          placeholder={t('addAppForm.namePlaceholder')}
          description={trimmed === '' ? undefined : t('addAppForm.nameHelp', { id: who.id })}
          error={taken ? t('addAppForm.nameTaken') : null}
          inputWrapperOrder={['label', 'input', 'error', 'description']}
          value={name}
          maxLength={80}
          disabled={app !== null}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <fieldset className={classes['group']}>
          <legend className={classes['groupTitle']}>{t('grant.title')}</legend>
          <GrantFields
            {...form}
            onGrant={form.setGrant}
            onText={form.setText}
            whenNothing={t('grant.nothing')}
          />
        </fieldset>
        <fieldset className={classes['group']}>
          <legend className={classes['groupTitle']}>{t('shown.key')}</legend>
          <Checkbox
            label={t('addAppForm.makeKey')}
            checked={withKey}
            onChange={(event) => setWithKey(event.currentTarget.checked)}
          />
          {withKey && <ExpiryField value={expiry} onChange={setExpiry} />}
        </fieldset>
        {failure && app && (
          <Alert color="red">{t('addAppForm.halfDone', { name: app.name, reason: failure })}</Alert>
        )}
        <div className={classes['footer']}>
          <SubmitButton
            busy={busy}
            disabled={trimmed === '' || taken || !form.ready || (withKey && until === null)}
          >
            {app ? t('addAppForm.goOn') : t('addAppForm.submit')}
          </SubmitButton>
        </div>
      </form>
    </Dialog>
  )
}
