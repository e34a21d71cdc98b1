import { Button } from '@mantine/core'
import type { AliasChange, Model } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ActionButton, Panel, RelativeTime } from '../../components'
import { formatPercent } from '../../lib/format'
import { usePrincipalNames } from '../../lib/principal-names'
import { askToRemoveAlias, setAlias } from './alias-actions'
import { AliasBadge } from './alias-badge'
import { historyWithSteps, kindOfChange, type StepBack } from './aliases'
import classes from './models.module.css'

const SHOWN = 8

function BackButton({ model, back }: { model: Model; back: StepBack }) {
  const { t } = useTranslation('models')
  const { alias, to } = back
  return to === null ? (
    <Button
      size="compact-xs"
      variant="default"
      aria-label={t('history.undoMadeLabel', { alias })}
      onClick={() => askToRemoveAlias(model.name, alias)}
    >
      {t('history.undoMade')}
    </Button>
  ) : (
    // To the version that the button names, wherever the alias has gone meanwhile.
    <ActionButton
      size="compact-xs"
      aria-label={t('history.backLabel', { alias, version: to })}
      onAct={() => setAlias(model.name, alias, to)}
    >
      {t('history.back', { version: to })}
    </ActionButton>
  )
}

/** Who pointed which alias where, and one click back. */
export function AliasHistory({ model }: { model: Model }) {
  const { t } = useTranslation('models')
  const nameOf = usePrincipalNames()
  const [all, setAll] = useState(false)
  const steps = historyWithSteps(model.history, model.versions)
  const shown = all ? steps : steps.slice(0, SHOWN)
  const words = (change: AliasChange) => {
    const { from, to, canary } = change
    const share = formatPercent(canary?.weight ?? 0)
    return t(`history.${kindOfChange(change)}`, { from, to, share, version: canary?.version })
  }
  return (
    <Panel
      title={t('history.title')}
      aside={
        steps.length > shown.length && (
          <button type="button" className={classes['textButton']} onClick={() => setAll(true)}>
            {t('history.all', { count: steps.length })}
          </button>
        )
      }
    >
      {steps.length === 0 ? (
        <div className={classes['note']}>{t('history.empty')}</div>
      ) : (
        <ul className={classes['list']}>
          {shown.map(({ change, back }) => (
            <li
              key={`${change.alias}${change.at}${change.to}${change.canary?.event}`}
              className={classes['item']}
            >
              <div className={classes['change']}>
                <div className={classes['changeText']}>
                  <AliasBadge alias={change.alias} /> {words(change)}
                </div>
                {change.reason !== null && <div className={classes['reason']}>{change.reason}</div>}
                <div className={classes['note']}>
                  <RelativeTime at={change.at} /> · {nameOf(change.by)}
                </div>
              </div>
              {back && <BackButton model={model} back={back} />}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
