import { Button, Skeleton } from '@mantine/core'
import type { StorageTask } from '@shared/contract'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { BusyButton, ConfirmButton, ErrorState, Meter, Panel, Transfer } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { formatBytes } from '../../lib/format'
import { createPolledStore } from '../../lib/poll'
import { useMachineOffer } from '../../lib/rights'
import { useStorageTasks } from '../../lib/stores'
import classes from './settings.module.css'

const useUsage = createPolledStore((client, signal) => client.storage.usage(undefined, { signal }), 15_000)

/** What is stored, what is free; checks every digest and frees what nothing names. */
export function StorageUsage() {
  const { t } = useTranslation('settings')
  const { value, error, refresh } = useUsage()
  useEffect(() => useUsage.start(), [])
  return (
    <Panel title={t('storage')}>
      {error && !value && <ErrorState error={error} onRetry={() => void refresh()} />}
      {!value && !error && <Loading />}
      {value && (
        <div className={classes['form']}>
          <div className={classes['rowHead']}>
            <strong>{t('stored', { count: value.blobs, bytes: formatBytes(value.blobBytes) })}</strong>
            <span className={classes['quiet']}>
              {t('freeOf', {
                free: formatBytes(value.diskFreeBytes),
                total: formatBytes(value.diskTotalBytes),
              })}
            </span>
          </div>
          {value.diskTotalBytes > 0 && (
            <Meter
              thick
              label={t('usage')}
              parts={[
                {
                  share: value.blobBytes / value.diskTotalBytes,
                  colour: 'var(--app-running)',
                  label: t('models'),
                },
                {
                  share:
                    (value.diskTotalBytes - value.diskFreeBytes - value.blobBytes) / value.diskTotalBytes,
                  colour: 'var(--app-queued)',
                  label: t('others'),
                },
              ]}
            />
          )}
          <Maintenance />
        </div>
      )}
    </Panel>
  )
}

/** Of the height of what comes, so that nothing below it jumps; still, since it is there for a moment. */
function Loading() {
  const { t } = useTranslation('settings')
  return (
    <div className={classes['form']} role="status" aria-label={t('storageLoading')}>
      <div className={classes['rowHead']}>
        <Skeleton animate={false} height={18} width={190} />
        <Skeleton animate={false} height={14} width={130} />
      </div>
      <Skeleton animate={false} height={8} />
      <div className={classes['buttons']}>
        <Skeleton animate={false} height={30} width={130} />
        <Skeleton animate={false} height={30} width={130} />
      </div>
    </div>
  )
}

function Maintenance() {
  const { t } = useTranslation('settings')
  const tasks = useStorageTasks((state) => state.items)
  const maintain = useMachineOffer('storage.maintain')
  const running = [...tasks.values()].filter(({ state }) => state === 'running')
  const isRunning = (kind: StorageTask['kind']) => running.some((task) => task.kind === kind)

  // The window says how one ended, wherever the person is by then; here the figures change.
  useEffect(() => {
    if (running.length === 0) void useUsage.getState().refresh()
  }, [running.length])

  return (
    <>
      <div className={classes['buttons']}>
        <BusyButton
          {...maintain}
          busy={isRunning('verify')}
          onClick={() => void getClient().storage.verify({ waitMs: 0 }).catch(notifyError)}
        >
          {t('verify')}
        </BusyButton>
        <ConfirmButton
          offer={maintain}
          title={t('gcTitle')}
          message={t('gcText')}
          confirmLabel={t('gc')}
          busy={isRunning('gc')}
          onConfirm={() => getClient().storage.gc({ waitMs: 0 })}
        >
          {t('gc')}
        </ConfirmButton>
      </div>
      {running.map((task) => (
        <div key={task.id} className={classes['progress']}>
          <Transfer
            label={t(task.kind)}
            bytesDone={task.bytesDone}
            bytesTotal={task.bytesTotal}
            atEnd={t('finishing')}
          />
          <Button
            size="compact-xs"
            variant="default"
            {...maintain}
            onClick={() => void getClient().storage.tasks.cancel({ id: task.id }).catch(notifyError)}
          >
            {t('stop')}
          </Button>
        </div>
      ))}
    </>
  )
}
