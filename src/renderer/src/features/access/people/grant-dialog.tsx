import { notifications } from '@mantine/notifications'
import type { Principal } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { useAct } from '../../../lib/use-act'
import classes from '../access.module.css'
import { refreshAccess } from '../access-store'
import { Dialog } from './dialog'
import { GrantFields } from './grant-fields'
import { useGrant } from './use-grant'

/** "What else may it do?": one more policy for someone who is there. */
export function GrantDialog({ principal, onClose }: { principal: Principal; onClose: () => void }) {
  const { t } = useTranslation('access')
  const form = useGrant(t, principal, principal.name)
  const { busy, act } = useAct()
  const save = async () => {
    const done = await act(() =>
      getClient().security.policies.set({
        id: form.policyId,
        text: form.text,
        description: form.description,
      }),
    )
    if (!done) return
    notifications.show({
      color: 'teal',
      message: t('grant.allowed', { name: principal.name }),
      withBorder: true,
    })
    void refreshAccess()
    onClose()
  }
  return (
    <Dialog size={600} title={t('grant.titleFor', { name: principal.name })} onClose={onClose}>
      <form
        className={classes['form']}
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <GrantFields {...form} onGrant={form.setGrant} onText={form.setText} />
        <div className={classes['footer']}>
          <SubmitButton busy={busy} disabled={form.nothing || !form.ready}>
            {t('grant.submit')}
          </SubmitButton>
        </div>
      </form>
    </Dialog>
  )
}
