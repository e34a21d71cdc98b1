import { Button } from '@mantine/core'
import type { Principal, Quota } from '@shared/contract'
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Meter, RelativeTime } from '../../../components'
import { getClient } from '../../../lib/client'
import { formatAmount, formatDuration, formatNumber } from '../../../lib/format'
import { localeOf, useLanguage } from '../../../lib/i18n'
import { useResourceName } from '../../../lib/resource-name'
import { useAsked } from '../../jobs'
import classes from '../access.module.css'
import { Section } from '../section'
import { LimitsDialog } from './limits-dialog'
import { namedOf } from './limits-form'

/** What runs uses it up as one looks. */
const REFRESH_MS = 3_000

/** What a principal may hold at once and use over time, and how much of it it does. */
export function LimitsSection({ principal }: { principal: Principal }) {
  const { t } = useTranslation('access')
  const { id } = principal
  const question = useCallback(
    (signal: AbortSignal) => getClient().core.quotas.get({ principal: id }, { signal }),
    [id],
  )
  const { value: quota, error, again } = useAsked(question, REFRESH_MS)
  const [isChanging, setIsChanging] = useState(false)

  return (
    <Section
      title={t('limits.title')}
      aside={
        quota && (
          <Button variant="default" onClick={() => setIsChanging(true)}>
            {t('limits.change')}
          </Button>
        )
      }
    >
      {error && !quota && <ErrorState error={error} onRetry={again} />}
      {quota && <Use quota={quota} />}
      {quota && isChanging && (
        <LimitsDialog
          principal={principal}
          quota={quota}
          onClose={() => setIsChanging(false)}
          onChanged={again}
        />
      )}
    </Section>
  )
}

function Use({ quota }: { quota: Quota }) {
  const { t } = useTranslation('access')
  const locale = localeOf(useLanguage((state) => state.language))
  const nameOf = useResourceName()
  const { limit, held, budget, used, weight, resetsAt } = quota
  const limits = [...namedOf(limit)]
  const holds = namedOf(held)
  const budgets = (['jobs', 'cpuSeconds', 'gpuSeconds'] as const).flatMap((resource) => {
    const most = budget?.[resource]
    return most === undefined ? [] : [{ resource, most, value: used?.[resource] ?? 0 }]
  })
  const number = (value: number) => formatNumber(value, locale, 0)
  return (
    <>
      {limits.length + budgets.length === 0 && <div className={classes['dim']}>{t('limits.none')}</div>}
      {limits.map(([resource, most]) => (
        <Bar
          key={resource}
          name={nameOf(resource)}
          value={holds.get(resource) ?? 0}
          most={most}
          words={t('limits.heldOf', {
            held: formatAmount(resource, holds.get(resource) ?? 0, locale),
            limit: formatAmount(resource, most, locale),
          })}
        />
      ))}
      {budgets.map(({ resource, most, value }) => (
        <Bar
          key={resource}
          name={t(`limits.${resource}`)}
          value={value}
          most={most}
          words={t('limits.usedOf', {
            used: number(Math.floor(value)),
            limit: number(most),
            window: formatDuration(budget?.windowMs ?? 0),
          })}
        />
      ))}
      {resetsAt && (
        <div className={classes['dim']}>
          {t('limits.more')} <RelativeTime at={resetsAt} />
        </div>
      )}
      {weight !== 1 && (
        <div className={classes['dim']}>{t('limits.weightIs', { weight: formatNumber(weight, locale) })}</div>
      )}
    </>
  )
}

function Bar(props: { name: string; value: number; most: number; words: string }) {
  const { name, value, most, words } = props
  const { t } = useTranslation('access')
  const isFull = value >= most
  return (
    <div>
      <div className={classes['limitHead']}>
        <span>{name}</span>
        <span className={classes['small']}>
          {words}
          {isFull && ` · ${t('limits.full')}`}
        </span>
      </div>
      <Meter
        thick
        label={name}
        parts={[
          {
            share: most === 0 ? 1 : Math.min(1, value / most),
            colour: isFull ? 'var(--app-failed)' : 'var(--app-running)',
          },
        ]}
      />
    </div>
  )
}
