import { useTranslation } from 'react-i18next'
import classes from './timeline.module.css'

const KINDS = [
  'wait',
  'load',
  'run',
  'done',
  'failed',
  'cancelled',
  'stopped',
  'expected',
  'within',
  'now',
] as const

/** What the bars mean: each by its pattern too. */
export function Legend() {
  const { t } = useTranslation('timeline')
  return (
    <ul className={classes['legend']} aria-label={t('legendLabel')}>
      {KINDS.map((kind) => (
        <li key={kind}>
          <span data-kind={kind} aria-hidden="true" />
          {t(`legend.${kind}`)}
        </li>
      ))}
    </ul>
  )
}
