import type { ClassLoad } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { Meter, Panel } from '../../components'
import { formatDuration, formatNumber, formatPercent } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { useQueue } from '../../lib/stores'
import classes from './timeline.module.css'

/** Each version and kind of job as a queue: how often it comes, how long it takes, what it waited and what theory expects. */
export function ClassesPanel() {
  const { t } = useTranslation('timeline')
  const loads = useQueue((state) => state.value?.classes)
  const locale = localeOf(useLanguage((state) => state.language))
  const duration = (ms: number | null) => (ms === null ? '–' : formatDuration(ms))
  const nameOf = ({ model, version, kind }: ClassLoad) =>
    model === null ? t(`kind.${kind}`) : `${model}@${version} · ${t(`kind.${kind}`)}`
  return (
    <Panel title={t('classes')} aside={t('lastHour')}>
      {!loads || loads.length === 0 ? (
        <p className={classes['quiet']}>{t('noClasses')}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys scroll it where the window is narrow
        <section className={classes['scroller']} tabIndex={0} aria-label={t('loads')}>
          <table className={classes['loads']}>
            <thead>
              <tr>
                <th>{t('load.class')}</th>
                <th>{t('load.rate')}</th>
                <th>{t('load.service')}</th>
                <th>{t('load.servers')}</th>
                <th>{t('load.utilization')}</th>
                <th>{t('load.observed')}</th>
                <th>{t('load.predicted')}</th>
              </tr>
            </thead>
            <tbody>
              {loads.slice(0, 20).map((load) => (
                <tr key={nameOf(load)}>
                  <th scope="row">{nameOf(load)}</th>
                  <td>
                    {load.arrivalsPerSecond === null
                      ? '–'
                      : t('perMinute', { rate: formatNumber(60 * load.arrivalsPerSecond, locale, 1) })}
                  </td>
                  <td>{duration(load.serviceMs)}</td>
                  <td>{load.servers}</td>
                  <td>
                    {load.utilization === null ? (
                      '–'
                    ) : (
                      <span className={classes['use']}>
                        <Meter
                          label={t('load.utilization')}
                          width={60}
                          parts={[
                            {
                              share: load.utilization,
                              colour: load.utilization < 1 ? 'var(--app-running)' : 'var(--app-failed)',
                            },
                          ]}
                        />
                        {formatPercent(load.utilization)}
                      </span>
                    )}
                  </td>
                  <td>{duration(load.observedWaitMs)}</td>
                  <td>
                    {load.predictedWaitMs === null && (load.utilization ?? 0) >= 1
                      ? t('grows')
                      : duration(load.predictedWaitMs)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Panel>
  )
}
