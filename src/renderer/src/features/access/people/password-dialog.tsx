import { PasswordInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import type { Principal } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { useMe } from '../../../lib/stores'
import { useAct } from '../../../lib/use-act'
import classes from '../access.module.css'
import { refreshAccess } from '../access-store'
import { Dialog } from './dialog'

/** Sets a person's password; one's own old one is asked for where there is one. */
export function PasswordDialog({ principal, onClose }: { principal: Principal; onClose: () => void }) {
  const { t } = useTranslation('access')
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const { busy, act } = useAct()
  const isMe = useMe((state) => state.value?.id) === principal.id
  const asksCurrent = principal.hasPassword && isMe
  const ready = password.length >= 8 && (!asksCurrent || current !== '')

  const submit = async () => {
    const done = await act(() =>
      getClient().security.principals.setPassword({
        id: principal.id,
        password,
        ...(asksCurrent ? { current } : {}),
      }),
    )
    if (!done) return
    notifications.show({
      color: 'teal',
      message: t('password.saved', { name: principal.name }),
      withBorder: true,
    })
    void refreshAccess()
    void useMe.getState().refresh()
    onClose()
  }

  return (
    <Dialog size={420} title={t('password.title', { name: principal.name })} onClose={onClose}>
      <form
        className={classes['form']}
        onSubmit={(event) => {
          event.preventDefault()
          if (ready) void submit()
        }}
      >
        {asksCurrent && (
          <PasswordInput
            data-autofocus
            label={t('password.current')}
            autoComplete="current-password"
            value={current}
            maxLength={256}
            onChange={(event) => setCurrent(event.currentTarget.value)}
          />
        )}
        <PasswordInput
          data-autofocus={!asksCurrent || undefined}
          label={t('password.new')}
          description={t('password.help')}
          autoComplete="new-password"
          value={password}
          maxLength={256}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <div className={classes['footer']}>
          <SubmitButton busy={busy} disabled={!ready}>
            {t('password.submit')}
          </SubmitButton>
        </div>
      </form>
    </Dialog>
  )
}
