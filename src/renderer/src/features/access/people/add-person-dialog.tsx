import { PasswordInput, Radio, TextInput } from '@mantine/core'
import type { Role } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { useAct } from '../../../lib/use-act'
import classes from '../access.module.css'
import { refreshAccess, useAccess } from '../access-store'
import { Dialog } from './dialog'

const ROLES = ['viewer', 'operator', 'owner'] as const satisfies readonly Role[]

/** A person with a role, who may sign in from a browser. */
export function AddPersonDialog(props: { onClose: () => void; onAdded: (id: string) => void }) {
  const { t } = useTranslation('access')
  const principals = useAccess((state) => state.principals.items)
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [password, setPassword] = useState('')
  const { busy, act } = useAct()
  const trimmed = name.trim()
  const taken = principals.some((other) => other.name.toLowerCase() === trimmed.toLowerCase())
  const short = password !== '' && password.length < 8

  const submit = () =>
    act(async () => {
      const { security } = getClient()
      const person = await security.principals.create({ kind: 'user', name: trimmed, roles: [role] })
      try {
        if (password !== '') await security.principals.setPassword({ id: person.id, password })
      } finally {
        await refreshAccess()
        props.onAdded(person.id)
      }
    })

  return (
    <Dialog size={460} title={t('addPersonForm.title')} onClose={props.onClose}>
      <form
        className={classes['form']}
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <TextInput
          data-autofocus
          label={t('addPersonForm.name')}
          value={name}
          maxLength={80}
          error={taken ? t('addAppForm.nameTaken') : null}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Radio.Group
          label={t('addPersonForm.role')}
          value={role}
          onChange={(value) => setRole(ROLES.find((candidate) => candidate === value) ?? role)}
        >
          <div className={classes['keyList']} style={{ marginTop: 8 }}>
            {ROLES.map((candidate) => (
              <Radio
                key={candidate}
                size="xs"
                value={candidate}
                label={t(`role.${candidate}`)}
                description={t(`roleText.${candidate}`)}
              />
            ))}
          </div>
        </Radio.Group>
        <PasswordInput
          label={t('addPersonForm.password')}
          description={t('addPersonForm.passwordHelp')}
          error={short ? t('password.help') : null}
          value={password}
          maxLength={256}
          autoComplete="new-password"
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <div className={classes['footer']}>
          <SubmitButton busy={busy} disabled={trimmed === '' || taken || short}>
            {t('addPersonForm.submit')}
          </SubmitButton>
        </div>
      </form>
    </Dialog>
  )
}
