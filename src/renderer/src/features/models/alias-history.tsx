import { Button } from '@mantine/core'
import type { AliasChange, Model } from '@shared/contract'
import { useTranslation } from 'react-i18next'
import { Panel, RelativeTime } from '../../components'
import { usePrincipalNames } from '../../lib/principal-names'
import { askToRemoveAlias, trySetAlias } from './alias-actions'
import { AliasBadge } from './alias-badge'
import { historyWithSteps, type StepBack } from './aliases'
import classes from './models.module.css'

const SHOWN = 8

function BackButton({ model, back }: { model: string; back: StepBack }) {
  const { t } = useTranslation('models')
  const { alias, to } = back
  return to === null ? (
    <Button
      size="compact-xs"
      variant="default"
      aria-label={t('history.undoMadeLabel', { alias })}
      onClick={() => askToRemoveAlias(model, alias)}
    >
      {t('history.undoMade')}
    </Button>
  ) : (
    <Button
      size="compact-xs"
      variant="default"
      aria-label={t('history.backLabel', { alias, version: to })}
      onClick={() => trySetAlias(model, alias, to)}
    >
      {t('history.back', { version: to })}
    </Button>
  )
}

/** Who pointed which alias where, and one click back. */
export function AliasHistory({ model }: { model: Model }) {
  const { t } = useTranslation('models')
  const nameOf = usePrincipalNames()
  const steps = historyWithSteps(model.history, model.versions).slice(0, SHOWN)
  const words = ({ from, to }: AliasChange) =>
    from === null
      ? t('history.made', { to })
      : to === null
        ? t('history.removed', { from })
        : t('history.moved', { from, to })
  return (
    <Panel title={t('history.title')}>
      {steps.length === 0 ? (
        <div className={classes['note']}>{t('history.empty')}</div>
      ) : (
        <ul className={classes['list']}>
          {steps.map(({ change, back }) => (
            <li key={`${change.alias}${change.at}`} className={classes['item']}>
              <div className={classes['grow']}>
                <div className={classes['changeText']}>
                  <AliasBadge alias={change.alias} /> {words(change)}
                </div>
                <div className={classes['note']}>
                  <RelativeTime at={change.at} /> · {nameOf(change.by)}
                </div>
              </div>
              {back && <BackButton model={model.name} back={back} />}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
