import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmButton, ErrorState, Meter, Panel } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { formatBytes } from '../../lib/format'
import { createPolledStore } from '../../lib/poll'
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

function Maintenance() {
  const { t } = useTranslation('settings')
  const [checking, setChecking] = useState(false)

  async function verify(): Promise<void> {
    setChecking(true)
    try {
      const {
        checked = 0,
        checkedBytes = 0,
        damaged = [],
        missing = [],
      } = await getClient().storage.verify({})
      const sound = damaged.length + missing.length === 0
      notifications.show({
        color: sound ? 'teal' : 'red',
        autoClose: sound ? 6_000 : false,
        withBorder: true,
        message: sound
          ? t('verified', { count: checked, bytes: formatBytes(checkedBytes) })
          : t('damaged', { damaged: damaged.length, missing: missing.length }),
      })
    } catch (error) {
      notifyError(error)
    } finally {
      setChecking(false)
    }
  }

  async function collect(): Promise<void> {
    const { removed = 0, freedBytes = 0 } = await getClient().storage.gc({})
    notifications.show({
      color: 'teal',
      withBorder: true,
      message: t('freed', { count: removed, bytes: formatBytes(freedBytes) }),
    })
    await useUsage.getState().refresh()
  }

  return (
    <div className={classes['buttons']}>
      <Button variant="default" loading={checking} onClick={() => void verify()}>
        {t('verify')}
      </Button>
      <ConfirmButton title={t('gcTitle')} message={t('gcText')} confirmLabel={t('gc')} onConfirm={collect}>
        {t('gc')}
      </ConfirmButton>
    </div>
  )
}
