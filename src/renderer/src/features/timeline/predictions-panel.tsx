import { useTranslation } from 'react-i18next'
import { Panel } from '../../components'
import { formatDuration, formatPercent } from '../../lib/format'
import { useQueue } from '../../lib/stores'
import { PredictionChart } from './prediction-chart'
import classes from './timeline.module.css'

/** What jobs were told when they were queued against when they started: a score in words, and each of them as a dot. */
export function PredictionsPanel() {
  const { t } = useTranslation('timeline')
  const record = useQueue((state) => state.value?.predictions)
  return (
    <Panel title={t('predictions')} aside={t('lastDay')}>
      {!record || record.count === 0 || record.coverage === null ? (
        <p className={classes['quiet']}>{t('noPredictions')}</p>
      ) : (
        <>
          <p className={classes['sentence']}>
            {t('score', {
              inside: Math.round(record.coverage * record.count),
              count: record.count,
              percent: formatPercent(record.coverage),
            })}{' '}
            {t('error', { time: formatDuration(record.meanErrorMs ?? 0) })}{' '}
            {t((record.biasMs ?? 0) >= 0 ? 'late' : 'early', {
              time: formatDuration(Math.abs(record.biasMs ?? 0)),
            })}
          </p>
          <PredictionChart recent={record.recent} />
        </>
      )}
    </Panel>
  )
}
