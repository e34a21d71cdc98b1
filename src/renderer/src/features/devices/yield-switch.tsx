import { Switch } from '@mantine/core'
import type { Device } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import classes from './devices.module.css'

/** Whether what other programs keep busy of a device is left to them. */
export function YieldSwitch({ device: { id, kind, yieldsToOthers } }: { device: Device }) {
  const { t } = useTranslation('devices')
  const what = kind === 'gpu' ? 'gpu' : 'cpu'
  const [asked, setAsked] = useState<boolean | null>(null)
  async function change(next: boolean): Promise<void> {
    setAsked(next)
    try {
      await getClient().core.devices.update({ id, yieldsToOthers: next })
    } catch (error) {
      notifyError(error)
    } finally {
      setAsked(null)
    }
  }
  return (
    <Switch
      className={classes['yields']}
      size="xs"
      label={t(`yields.${what}`)}
      description={t(`yieldsHelp.${what}`)}
      checked={asked ?? yieldsToOthers}
      onChange={(event) => void change(event.currentTarget.checked)}
    />
  )
}
