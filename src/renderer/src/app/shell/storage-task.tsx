import { useTranslation } from 'react-i18next'
import type { StorageTask as Task } from '../../../../shared/contract'
import { RelativeTime, TaskCard, Transfer } from '../../components'
import { outcomeOf } from '../../features/settings'
import { getClient } from '../../lib/client'
import { codedWords } from '../../lib/words'
import classes from './shell.module.css'

/** A check or a collection of the store in the task centre: how far it is, or what came of it. */
export function StorageTask({ task }: { task: Task }) {
  const { t } = useTranslation(['shell', 'settings'])
  const name = t(`storageTask.${task.kind}`)
  const outcome = outcomeOf(task)
  return (
    <TaskCard
      name={name}
      state={task.state}
      cancel={
        task.state === 'running'
          ? {
              label: t('storageTask.cancel', { name }),
              act: () => getClient().storage.tasks.cancel({ id: task.id }),
            }
          : undefined
      }
    >
      {task.state === 'running' ? (
        <Transfer
          label={name}
          bytesDone={task.bytesDone}
          bytesTotal={task.bytesTotal}
          atEnd={t('storageTask.atEnd')}
        />
      ) : (
        <div className={classes['taskEnd']}>
          <span data-tone={outcome?.sound === false ? 'failed' : undefined}>
            {outcome ? t(`settings:${outcome.key}`, outcome.values) : task.error && codedWords(task.error)}
          </span>
          <RelativeTime at={task.finishedAt} />
        </div>
      )}
    </TaskCard>
  )
}
