import type { PredictionRecord } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { Panel } from '../../components'
import { formatDuration } from '../../lib/format'
import { useQueue } from '../../lib/stores'
import { PredictionChart } from './prediction-chart'
import classes from './timeline.module.css'

/** Of fewer a share says little. */
const FEW = 20

/** To which side of what was told most of the error lies. */
function leaning({ meanErrorMs, biasMs }: PredictionRecord): 'late' | 'early' | 'even' {
  const [error, bias] = [meanErrorMs ?? 0, biasMs ?? 0]
  return Math.abs(bias) < error / 2 ? 'even' : bias > 0 ? 'late' : 'early'
}

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
            {t('score', { inside: Math.round(record.coverage * record.count), count: record.count })}
          </p>
          <p className={classes['quiet']}>
            {t(`error.${leaning(record)}`, { time: formatDuration(record.meanErrorMs ?? 0) })}
          </p>
          {record.count < FEW && <p className={classes['quiet']}>{t('few')}</p>}
          <PredictionChart recent={record.recent} />
        </>
      )}
    </Panel>
  )
}
