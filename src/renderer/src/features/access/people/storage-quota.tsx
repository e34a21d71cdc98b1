import { Button, NumberInput } from '@mantine/core'
import type { Principal, StorageQuota } from '@shared/contract'
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Meter, SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { formatBytes } from '../../../lib/format'
import { useAct } from '../../../lib/use-act'
import { useAsked } from '../../jobs'
import classes from '../access.module.css'
import { Section } from '../section'
import { Dialog } from './dialog'

const GIGABYTE = 1e9
const MOST_GIGABYTES = 1e6

/** How many bytes of models and data sets a principal has made, and how many it may make. */
export function StorageSection({ principal }: { principal: Principal }) {
  const { t } = useTranslation('access')
  const { id } = principal
  const question = useCallback(
    (signal: AbortSignal) => getClient().storage.quotas.get({ principal: id }, { signal }),
    [id],
  )
  const { value: quota, error, again } = useAsked(question)
  const [isChanging, setIsChanging] = useState(false)

  const limit = quota?.limitBytes ?? null
  return (
    <Section
      title={t('quota.title')}
      aside={
        quota && (
          <Button variant="default" onClick={() => setIsChanging(true)}>
            {t(limit === null ? 'quota.set' : 'quota.change')}
          </Button>
        )
      }
    >
      {error && !quota && <ErrorState error={error} onRetry={again} />}
      {quota && <Usage quota={quota} />}
      {quota && isChanging && (
        <QuotaDialog
          principal={principal}
          quota={quota}
          onClose={() => setIsChanging(false)}
          onChanged={again}
        />
      )}
    </Section>
  )
}

function Usage({ quota: { usedBytes, limitBytes } }: { quota: StorageQuota }) {
  const { t } = useTranslation('access')
  const used = formatBytes(usedBytes)
  if (limitBytes === null) return <div className={classes['dim']}>{t('quota.noLimit', { used })}</div>
  const share = limitBytes === 0 ? 1 : usedBytes / limitBytes
  const isFull = usedBytes >= limitBytes
  return (
    <>
      <div>{t('quota.usedOf', { used, limit: formatBytes(limitBytes) })}</div>
      <Meter
        thick
        label={t('quota.meter')}
        parts={[{ share, colour: isFull ? 'var(--app-failed)' : 'var(--app-running)' }]}
      />
      {isFull && <div className={classes['dim']}>{t('quota.full')}</div>}
    </>
  )
}

function QuotaDialog(props: {
  principal: Principal
  quota: StorageQuota
  onClose: () => void
  onChanged: () => void
}) {
  const { t } = useTranslation('access')
  const { principal, quota, onClose, onChanged } = props
  const [gigabytes, setGigabytes] = useState<number | string>(
    quota.limitBytes === null ? '' : quota.limitBytes / GIGABYTE,
  )
  const { busy, act } = useAct()
  const isValid = typeof gigabytes === 'number' && gigabytes >= 0 && gigabytes <= MOST_GIGABYTES

  const change = async (work: () => Promise<unknown>) => {
    if (!(await act(work))) return
    onChanged()
    onClose()
  }
  const { quotas } = getClient().storage
  const save = () =>
    change(() =>
      quotas.set({ principal: principal.id, limitBytes: Math.round(Number(gigabytes) * GIGABYTE) }),
    )

  return (
    <Dialog size={420} title={t('quota.dialog', { name: principal.name })} onClose={onClose}>
      <form
        className={classes['form']}
        onSubmit={(event) => {
          event.preventDefault()
          if (isValid) void save()
        }}
      >
        <NumberInput
          data-autofocus
          label={t('quota.limit')}
          description={t('quota.help', { used: formatBytes(quota.usedBytes) })}
          suffix=" GB"
          min={0}
          max={MOST_GIGABYTES}
          decimalScale={3}
          value={gigabytes}
          onChange={setGigabytes}
        />
        <div className={classes['footer']}>
          {quota.limitBytes !== null && (
            <Button
              variant="default"
              disabled={busy}
              onClick={() => void change(() => quotas.remove({ principal: principal.id }))}
            >
              {t('quota.remove')}
            </Button>
          )}
          <SubmitButton busy={busy} disabled={!isValid}>
            {t('quota.save')}
          </SubmitButton>
        </div>
      </form>
    </Dialog>
  )
}
