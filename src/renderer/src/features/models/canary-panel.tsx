import { Button, RingProgress } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import type { Alias, Canary } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { BusyButton, Panel, RelativeTime } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { formatNumber, formatPercent } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { usePrincipalNames } from '../../lib/principal-names'
import classes from './canary.module.css'
import type { CanaryStart } from './canary-dialog'
import { observedShare, pressure } from './canary-view'
import common from './models.module.css'

function Figures({ canary, stable }: { canary: Canary; stable: number }) {
  const { t } = useTranslation('models')
  const locale = localeOf(useLanguage((state) => state.language))
  const ms = (value: number | null) => (value === null ? '–' : `${formatNumber(value, locale, 1)} ms`)
  const rate = ({ requests, errors }: Canary['canary']) =>
    requests === 0 ? '–' : `${errors} (${formatNumber((errors / requests) * 100, locale, 1)}%)`
  const { errors, latency } = pressure(canary)
  const rows = [
    { key: 'requests', canary: canary.canary.requests, stable: canary.stable.requests },
    {
      key: 'errors',
      canary: rate(canary.canary),
      stable: rate(canary.stable),
      bound: `≤ ${formatNumber(canary.maxErrorRate * 100, locale, 2)}%`,
      over: errors,
    },
    {
      key: 'p95',
      canary: ms(canary.canary.p95Ms),
      stable: ms(canary.stable.p95Ms),
      bound: canary.maxP95Ms === null ? t('canary.noBound') : `≤ ${ms(canary.maxP95Ms)}`,
      over: latency,
    },
  ] as const
  return (
    <table className={classes['figures']} aria-label={t('canary.figures')}>
      <thead>
        <tr>
          <td />
          <th scope="col">{t('version', { version: canary.version })}</th>
          <th scope="col">{t('version', { version: stable })}</th>
          <th scope="col">{t('canary.bound')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <th scope="row">{t(`canary.row.${row.key}`)}</th>
            <td data-over={('over' in row && row.over) || undefined}>{row.canary}</td>
            <td>{row.stable}</td>
            <td>{'bound' in row ? row.bound : ''}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** An alias whose traffic is split: how both versions do, against the bounds, and how it may end. */
export function CanaryPanel(props: {
  model: string
  alias: Alias & { canary: Canary }
  onChange: (start: CanaryStart) => void
}) {
  const { t } = useTranslation('models')
  const nameOf = usePrincipalNames()
  const [busy, setBusy] = useState(false)
  const { model: name, alias: split } = props
  const { alias, canary } = split
  const { models } = getClient().storage
  const share = observedShare(canary)
  const left = canary.minRequests - canary.canary.requests

  async function act(work: () => Promise<unknown>, message: string): Promise<void> {
    setBusy(true)
    try {
      await work()
      notifications.show({ message, withBorder: true })
    } catch (error) {
      notifyError(error)
    } finally {
      setBusy(false)
    }
  }
  const words = { alias, version: canary.version, stable: split.version }
  return (
    <Panel
      title={t('canary.title', { version: canary.version, alias, share: formatPercent(canary.weight) })}
      aside={
        <span className={common['nowrap']}>
          <RelativeTime at={canary.startedAt} /> · {nameOf(canary.startedBy)}
        </span>
      }
    >
      <div className={classes['head']}>
        <RingProgress
          size={64}
          thickness={7}
          roundCaps
          sections={[
            { value: canary.weight * 100, color: 'var(--app-waiting)' },
            { value: 100 - canary.weight * 100, color: 'var(--app-succeeded)' },
          ]}
          label={<div className={classes['ring']}>{formatPercent(canary.weight)}</div>}
        />
        <div>
          {share !== null && (
            <div>
              {t('canary.observed', {
                share: formatPercent(share),
                count: canary.canary.requests + canary.stable.requests,
              })}
            </div>
          )}
          <div className={common['note']}>
            {left > 0 && t('canary.judgedIn', { count: left })}
            {/* Only this: the figures are other ones every second. */}
            <span aria-live="polite">{left > 0 ? '' : t('canary.judged')}</span>
          </div>
        </div>
      </div>
      <Figures canary={canary} stable={split.version} />
      <div className={classes['foot']}>
        <BusyButton
          busy={busy}
          onClick={() =>
            void act(() => models.setCanary({ name, alias, canary: null }), t('canary.stopped', words))
          }
        >
          {t('canary.stop')}
        </BusyButton>
        <Button
          variant="default"
          disabled={busy}
          onClick={() => props.onChange({ alias, version: canary.version })}
        >
          {t('canary.change')}
        </Button>
        <BusyButton
          variant="filled"
          busy={busy}
          onClick={() => void act(() => models.promoteCanary({ name, alias }), t('alias.done', words))}
        >
          {t('canary.promote')}
        </BusyButton>
      </div>
    </Panel>
  )
}
