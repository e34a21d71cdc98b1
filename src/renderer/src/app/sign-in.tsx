import { PasswordInput, SegmentedControl, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel, SubmitButton } from '../components'
import { reconnectNow, useConnection } from '../lib/client'
import { toErrorView } from '../lib/errors'
import { signIn } from '../lib/transport'
import { Logo } from './logo'
import classes from './sign-in.module.css'

/** The door in a browser: a name and password, or an API key, for a session cookie. */
export function SignIn() {
  const { t } = useTranslation('shell')
  const [by, setBy] = useState<'password' | 'key'>('password')
  const [name, setName] = useState('')
  const [secret, setSecret] = useState('')
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  async function submit(): Promise<void> {
    setBusy(true)
    setProblem(null)
    try {
      await signIn(by === 'key' ? { key: secret.trim() } : { name: name.trim(), password: secret })
      // What was seen here before may be another's: it goes with the page.
      if (useConnection.getState().epoch > 0) location.reload()
      else reconnectNow()
    } catch (error) {
      setProblem(toErrorView(error).message)
    } finally {
      setBusy(false)
    }
  }

  return (
    <main className={classes['page']}>
      <Panel aria-label={t('signIn.title')}>
        <form
          className={classes['form']}
          onSubmit={(event: FormEvent) => {
            event.preventDefault()
            void submit()
          }}
        >
          <div className={classes['brand']}>
            <Logo size={28} />
            <h1>LLMAgentOS</h1>
          </div>
          <p className={classes['text']}>{t('signIn.text', { host: location.host })}</p>
          <SegmentedControl
            fullWidth
            value={by}
            onChange={(value) => {
              setBy(value === 'key' ? 'key' : 'password')
              setSecret('')
              setProblem(null)
            }}
            data={[
              { value: 'password', label: t('signIn.byPassword') },
              { value: 'key', label: t('signIn.byKey') },
            ]}
          />
          {by === 'password' && (
            <TextInput
              label={t('signIn.name')}
              autoComplete="username"
              autoFocus
              required
              withAsterisk={false}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
          )}
          <PasswordInput
            label={by === 'key' ? t('signIn.key') : t('signIn.password')}
            description={by === 'key' ? t('signIn.keyHelp') : undefined}
            autoComplete={by === 'key' ? 'off' : 'current-password'}
            required
            withAsterisk={false}
            value={secret}
            error={problem}
            onChange={(event) => setSecret(event.currentTarget.value)}
          />
          <SubmitButton size="sm" busy={busy} disabled={secret === '' || (by === 'password' && name === '')}>
            {t('signIn.submit')}
          </SubmitButton>
        </form>
      </Panel>
    </main>
  )
}
