import { Switch } from '@mantine/core'
import type { Device } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import classes from './devices.module.css'

/** Whether cores that other programs keep busy are left to them. */
export function YieldSwitch({ device: { id, yieldsToOthers } }: { device: Device }) {
  const { t } = useTranslation('devices')
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
      label={t('yields')}
      description={t('yieldsHelp')}
      checked={asked ?? yieldsToOthers}
      onChange={(event) => void change(event.currentTarget.checked)}
    />
  )
}
