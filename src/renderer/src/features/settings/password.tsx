import { PasswordInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import type { Principal } from '@shared/contract'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel, SubmitButton } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError, toErrorView } from '../../lib/errors'
import { navigate, useRoute } from '../../lib/router'
import { useMe } from '../../lib/stores'
import classes from './settings.module.css'

/** A password for the person at this window: offered, never demanded. */
export function Password() {
  const { t } = useTranslation('settings')
  const me = useMe((state) => state.value)
  if (me?.kind !== 'user') return null
  return (
    <Panel title={t('account')}>
      <PasswordForm key={String(me.hasPassword)} me={me} />
    </Panel>
  )
}

function PasswordForm({ me }: { me: Principal }) {
  const { t } = useTranslation('settings')
  const [busy, setBusy] = useState(false)
  const asked = useRoute().query.has('password')
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (!asked) return
    field.current?.focus()
    // So that it can be asked for once more.
    navigate('/settings', { replace: true })
  }, [asked])
  const form = useForm({
    initialValues: { current: '', password: '', repeat: '' },
    validate: {
      password: (value) => (value.length >= 8 && value.length <= 256 ? null : t('short')),
      repeat: (value, all) => (value === all.password ? null : t('differs')),
    },
  })
  const submit = form.onSubmit(({ current, password }) => {
    setBusy(true)
    getClient()
      .security.principals.setPassword({ id: me.id, password, ...(me.hasPassword ? { current } : {}) })
      .then(() => {
        form.reset()
        notifications.show({ color: 'teal', message: t('passwordSet'), withBorder: true })
        return useMe.getState().refresh()
      })
      .catch((error: unknown) => {
        const view = toErrorView(error)
        if (view.code === 'security.wrong_password') form.setFieldError('current', view.message)
        else notifyError(error)
      })
      .finally(() => setBusy(false))
  })
  return (
    <form className={classes['form']} onSubmit={submit} noValidate>
      <div className={classes['quiet']}>
        {me.hasPassword ? t('accountHas', { name: me.name }) : t('accountNone')}
      </div>
      {/* Lets a password manager know whose password this is. */}
      <input type="text" autoComplete="username" value={me.name} readOnly hidden />
      {me.hasPassword && (
        <PasswordInput
          label={t('current')}
          autoComplete="current-password"
          {...form.getInputProps('current')}
        />
      )}
      <PasswordInput
        label={t('password')}
        autoComplete="new-password"
        ref={field}
        {...form.getInputProps('password')}
      />
      {form.values.password !== '' && (
        <>
          <PasswordInput label={t('repeat')} autoComplete="new-password" {...form.getInputProps('repeat')} />
          <div>
            <SubmitButton busy={busy}>{me.hasPassword ? t('change') : t('set')}</SubmitButton>
          </div>
        </>
      )}
    </form>
  )
}
