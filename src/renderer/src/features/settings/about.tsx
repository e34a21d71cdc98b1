import { useTranslation } from 'react-i18next'
import { Facts, IdText, Panel, RelativeTime } from '../../components'
import { useSystemInfo } from '../../lib/stores'
import classes from './settings.module.css'

/** What this is and where it keeps its data. */
export function About() {
  const { t } = useTranslation('settings')
  const info = useSystemInfo((state) => state.value)
  if (!info) return null
  const runsOn = [`Node ${info.node}`, ...(info.electron ? [`Electron ${info.electron}`] : [])].join(' · ')
  return (
    <Panel title={t('about')}>
      <Facts
        rows={[
          [t('version'), info.version],
          [t('host'), `${info.hostname} · ${info.platform}`],
          [t('runsOn'), runsOn],
          [t('dataDir'), <IdText key="dir" id={info.dataDir} text={info.dataDir} />],
          [t('startedAt'), <RelativeTime key="at" at={info.startedAt} />],
        ]}
      />
      <div className={classes['quiet']}>{t('shortcuts')}</div>
    </Panel>
  )
}
