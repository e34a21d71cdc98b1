import { useTranslation } from 'react-i18next'
import { Page } from '../../components'
import { About } from './about'
import { Appearance } from './appearance'
import { Connections } from './connections'
import { Password } from './password'
import classes from './settings.module.css'
import { StorageUsage } from './storage-usage'
import { SystemSettings } from './system-settings'

export { outcomeOf } from './outcome'

/** What a person can set, and what the system is made of. */
export function SettingsPage() {
  const { t } = useTranslation('settings')
  return (
    <Page title={t('title')}>
      <div className={classes['columns']}>
        <div>
          <Appearance />
          <SystemSettings />
          <Password />
        </div>
        <div>
          <StorageUsage />
          <Connections />
          <About />
        </div>
      </div>
    </Page>
  )
}
