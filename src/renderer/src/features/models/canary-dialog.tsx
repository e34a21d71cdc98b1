import { NumberInput, Select } from '@mantine/core'
import type { Model } from '@shared/contract'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Modal, SubmitButton } from '../../components'
import { getClient } from '../../lib/client'
import { toErrorView } from '../../lib/errors'
import { percentOf } from './canary-view'
import classes from './models.module.css'
import { ReasonInput } from './reason-input'

/** What the dialog begins with. */
export interface CanaryStart {
  alias: string
  version: number
}

function numberOf(value: string | number): number {
  return typeof value === 'number' ? value : Number.NaN
}

function CanaryForm({ model, start, onClose }: { model: Model; start: CanaryStart; onClose: () => void }) {
  const { t } = useTranslation('models')
  const [alias, setAlias] = useState(start.alias)
  const [version, setVersion] = useState(start.version)
  const current = model.aliases.find((known) => known.alias === alias)
  const under = current?.canary ?? null
  const [weight, setWeight] = useState<string | number>(under ? percentOf(under.weight) : 10)
  const [errorRate, setErrorRate] = useState<string | number>(under ? percentOf(under.maxErrorRate) : 5)
  const [p95, setP95] = useState<string | number>(under?.maxP95Ms ?? '')
  const [requests, setRequests] = useState<string | number>(under?.minRequests ?? 20)
  const [reason, setReason] = useState('')
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  const plan = {
    version,
    weight: numberOf(weight) / 100,
    maxErrorRate: numberOf(errorRate) / 100,
    maxP95Ms: p95 === '' ? null : numberOf(p95),
    minRequests: numberOf(requests),
  }
  const valid = Object.values(plan).every((value) => value === null || Number.isFinite(value))

  async function submit(): Promise<void> {
    setBusy(true)
    setError(null)
    try {
      await getClient().storage.models.setCanary({
        name: model.name,
        alias,
        canary: plan,
        ...(reason.trim() !== '' && { reason: reason.trim() }),
      })
      onClose()
    } catch (refused) {
      setError(toErrorView(refused).message)
    } finally {
      setBusy(false)
    }
  }
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    if (valid) void submit()
  }
  const choices = [...model.versions]
    .filter((number) => number !== current?.version)
    .sort((a, b) => b - a)
    .map((number) => ({ value: String(number), label: t('version', { version: number }) }))
  return (
    <form className={classes['form']} onSubmit={onSubmit}>
      <div className={classes['two']}>
        <Select
          label={t('alias.name')}
          allowDeselect={false}
          data={model.aliases.map((known) => known.alias)}
          value={alias}
          onChange={(value) => value && setAlias(value)}
        />
        <Select
          label={t('canary.version')}
          allowDeselect={false}
          data={choices}
          value={String(version)}
          onChange={(value) => value && setVersion(Number(value))}
        />
        <NumberInput
          label={t('canary.weight')}
          suffix=" %"
          min={1}
          max={100}
          value={weight}
          onChange={setWeight}
          data-autofocus
        />
        <NumberInput
          label={t('canary.minRequests')}
          min={1}
          max={1_000_000}
          allowDecimal={false}
          value={requests}
          onChange={setRequests}
        />
        <NumberInput
          label={t('canary.maxErrorRate')}
          suffix=" %"
          min={0}
          max={100}
          value={errorRate}
          onChange={setErrorRate}
        />
        <NumberInput
          label={t('canary.maxP95')}
          suffix=" ms"
          min={0.001}
          placeholder={t('canary.noBound')}
          value={p95}
          onChange={setP95}
        />
      </div>
      <ReasonInput value={reason} onChange={setReason} />
      <div className={classes['note']} aria-live="polite">
        {current && valid
          ? t(under ? 'canary.restarts' : 'canary.means', {
              share: Math.round(plan.weight * 1000) / 10,
              reference: `${model.name}@${alias}`,
              version,
              stable: current.version,
            })
          : t('canary.incomplete')}
      </div>
      {error !== null && (
        <div className={classes['refused']} role="alert">
          {error}
        </div>
      )}
      <SubmitButton busy={busy} disabled={!valid || !current || current.version === version}>
        {t('canary.start')}
      </SubmitButton>
    </form>
  )
}

/** Sends a part of an alias' traffic to another version, within bounds. */
export function CanaryDialog(props: { model: Model; start: CanaryStart | null; onClose: () => void }) {
  const { t } = useTranslation('models')
  return (
    <Modal opened={props.start !== null} onClose={props.onClose} title={t('canary.dialog')} size={460}>
      {props.start && <CanaryForm model={props.model} start={props.start} onClose={props.onClose} />}
    </Modal>
  )
}
