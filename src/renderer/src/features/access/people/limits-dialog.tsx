import { Button, Fieldset, NumberInput, Select, SimpleGrid } from '@mantine/core'
import type { Principal, Quota } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { formatDuration } from '../../../lib/format'
import { useResourceName } from '../../../lib/resource-name'
import { useTelemetry } from '../../../lib/stores'
import { useAct } from '../../../lib/use-act'
import classes from '../access.module.css'
import { Dialog } from './dialog'
import { formOf, isMemory, type LimitsForm, resourcesOf, settingsOf, WINDOWS_MS } from './limits-form'

const NONE = {}

/** Sets what a principal may hold at once and use over time, and its weight, in one step. */
export function LimitsDialog(props: {
  principal: Principal
  quota: Quota
  onClose: () => void
  onChanged: () => void
}) {
  const { t } = useTranslation('access')
  const nameOf = useResourceName()
  const { principal, quota, onClose, onChanged } = props
  const capacity = useTelemetry((state) => state.resources?.capacity) ?? NONE
  const [form, setForm] = useState<LimitsForm>(() => formOf(quota))
  const { busy, act } = useAct()
  const settings = settingsOf(form, principal.id)
  const set = (patch: Partial<LimitsForm>) => setForm((before) => ({ ...before, ...patch }))
  const save = async () => {
    if (!settings || !(await act(() => getClient().core.quotas.set(settings)))) return
    onChanged()
    onClose()
  }
  const windows = [...new Set([...WINDOWS_MS, form.windowMs])].sort((a, b) => a - b)

  return (
    <Dialog size={520} title={t('limits.dialog', { name: principal.name })} onClose={onClose}>
      <form
        className={classes['form']}
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <Fieldset legend={t('limits.atOnce')}>
          <SimpleGrid cols={2} spacing={12} verticalSpacing={10}>
            {resourcesOf(form, capacity).map((resource, i) => (
              <NumberInput
                key={resource}
                data-autofocus={i === 0 || undefined}
                label={nameOf(resource)}
                placeholder={t('limits.unlimited')}
                {...(isMemory(resource) ? { suffix: ' GB' } : {})}
                min={0}
                decimalScale={3}
                value={form.amounts[resource] ?? ''}
                onChange={(value) => set({ amounts: { ...form.amounts, [resource]: value } })}
              />
            ))}
          </SimpleGrid>
        </Fieldset>
        <Fieldset legend={t('limits.overTime')}>
          <SimpleGrid cols={2} spacing={12} verticalSpacing={10}>
            {(['jobs', 'cpuSeconds', 'gpuSeconds'] as const).map((resource) => (
              <NumberInput
                key={resource}
                label={t(`limits.${resource}`)}
                placeholder={t('limits.unlimited')}
                min={0}
                allowDecimal={resource !== 'jobs'}
                decimalScale={1}
                value={form[resource]}
                onChange={(value) => set({ [resource]: value })}
              />
            ))}
            <Select
              allowDeselect={false}
              label={t('limits.window')}
              value={String(form.windowMs)}
              data={windows.map((ms) => ({ value: String(ms), label: formatDuration(ms) }))}
              onChange={(value) => set({ windowMs: Number(value) })}
            />
          </SimpleGrid>
          <div className={classes['small']} style={{ marginTop: 10 }}>
            {t('limits.help')}
          </div>
        </Fieldset>
        <NumberInput
          label={t('limits.weight')}
          description={t('limits.weightHelp')}
          min={0.01}
          max={100}
          decimalScale={2}
          value={form.weight}
          onChange={(weight) => set({ weight })}
        />
        <div className={classes['footer']}>
          <Button variant="default" onClick={onClose}>
            {t('limits.cancel')}
          </Button>
          <SubmitButton busy={busy} disabled={!settings}>
            {t('limits.save')}
          </SubmitButton>
        </div>
      </form>
    </Dialog>
  )
}
