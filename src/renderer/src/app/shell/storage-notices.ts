import { notifications } from '@mantine/notifications'
import { useEffect } from 'react'
import type { StorageTask } from '../../../../shared/contract'
import { outcomeOf } from '../../features/settings'
import { i18n } from '../../lib/i18n'
import { useTaskCentre } from '../../lib/imports'
import { onEachStep } from '../../lib/live'
import { useMe, useStorageTasks } from '../../lib/stores'
import { codedWords } from '../../lib/words'

/** Says how a check or a collection ended that this person began, however long it took. */
export function useStorageNotices(): void {
  useEffect(() => onEachStep(useStorageTasks, announce), [])
}

export function announce(task: StorageTask): void {
  if (task.state === 'running' || task.createdBy !== useMe.getState().value?.id) return
  // An open task centre says how it ended, beside the task itself.
  if (useTaskCentre.getState().opened) return
  const outcome = outcomeOf(task)
  const sound = outcome?.sound ?? false
  const name = i18n.t(`shell:storageTask.${task.kind}`)
  notifications.show({
    color: sound ? 'teal' : 'red',
    autoClose: sound ? 6_000 : false,
    withBorder: true,
    title: outcome ? undefined : i18n.t('shell:storageTask.failed', { name }),
    message: outcome
      ? i18n.t(`settings:${outcome.key}`, outcome.values)
      : task.error && codedWords(task.error),
  })
}
