import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { i18n } from '../../lib/i18n'

/** Points an alias to a version and says so. @throws what the system refuses */
export async function setAlias(name: string, alias: string, version: number, reason = ''): Promise<void> {
  await getClient().storage.models.setAlias({ name, alias, version, ...(reason === '' ? {} : { reason }) })
  notifications.show({ message: i18n.t('models:alias.done', { alias, version }), withBorder: true })
}

/** The same; a refusal is shown to the person. */
export function trySetAlias(name: string, alias: string, version: number): void {
  setAlias(name, alias, version).catch((error: unknown) => notifyError(error))
}

async function removeAlias(name: string, alias: string): Promise<void> {
  try {
    await getClient().storage.models.removeAlias({ name, alias })
    notifications.show({ message: i18n.t('models:alias.removed', { alias }), withBorder: true })
  } catch (error) {
    notifyError(error)
  }
}

/** Asks, then removes an alias. */
export function askToRemoveAlias(name: string, alias: string): void {
  modals.openConfirmModal({
    title: i18n.t('models:alias.removeTitle', { alias }),
    children: i18n.t('models:alias.removeText', { name, alias }),
    labels: { confirm: i18n.t('models:alias.remove'), cancel: i18n.t('common:cancel') },
    confirmProps: { color: 'red' },
    onConfirm: () => void removeAlias(name, alias),
  })
}
