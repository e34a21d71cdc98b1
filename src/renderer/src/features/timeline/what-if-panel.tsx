import { Button, NumberInput, SegmentedControl, Select } from '@mantine/core'
import type { WhatIfAnswer, WhatIfQuestion } from '@shared/contract'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Panel } from '../../components'
import { getClient } from '../../lib/client'
import { byKind, deviceLabel } from '../../lib/devices'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { useDevices, useTelemetry } from '../../lib/stores'
import { type Accelerator, acceleratorOf, keyOf, questionOf, type Scenario, scenariosOf } from './scenario'
import classes from './timeline.module.css'
import { WhatIfResult } from './what-if-result'

interface Asked extends Pick<WhatIfQuestion, 'source' | 'policy'> {
  scenario: Scenario
  accelerator: Accelerator | null
}

const SOURCES = ['lastDay', 'queue'] as const
const POLICIES = ['online', 'easy', 'fcfs'] as const

/** Another machine or another order, tried on the jobs of the last day or on the queue as it is. */
export function WhatIfPanel() {
  const { t } = useTranslation('timeline')
  const devices = useDevices((state) => state.items)
  const capacity = useTelemetry((state) => state.resources?.capacity)
  const [key, setKey] = useState('cores')
  const [cores, setCores] = useState<number | string>(4)
  const [memoryGb, setMemoryGb] = useState<number | string>(24)
  const [source, setSource] = useState<WhatIfQuestion['source']>('lastDay')
  const [policy, setPolicy] = useState<WhatIfQuestion['policy']>('online')
  const [asking, setAsking] = useState(false)
  const [error, setError] = useState<ErrorView | null>(null)
  const [result, setResult] = useState<{ answer: WhatIfAnswer; asked: Asked } | null>(null)
  const scenarios = useMemo(
    () =>
      scenariosOf([...devices.values()].sort(byKind), { cores: Number(cores), memoryGb: Number(memoryGb) }),
    [devices, cores, memoryGb],
  )
  const wordsOf = (scenario: Scenario) => {
    switch (scenario.kind) {
      case 'same':
        return t('scenario.same')
      case 'cores':
        return t('scenario.coresOf', { count: scenario.cores })
      case 'gpu':
        return t('scenario.gpuOf', { gigabytes: scenario.memoryGb })
      case 'more': {
        const like = devices.get(scenario.device)
        const makes = scenarios.filter(
          (other) => other.kind === 'more' && devices.get(other.device)?.name === like?.name,
        )
        // Two makes of one name differ in their memory: then it is that one of them.
        const isOne = like !== undefined && makes.length === 1
        return t('scenario.more', { device: isOne ? like.name : deviceLabel(scenario.device, devices) })
      }
      case 'without':
        return t('scenario.without', { device: deviceLabel(scenario.device, devices) })
    }
  }
  const changeOf = ({ scenario, policy: order }: Asked) => {
    if (order === 'online') return wordsOf(scenario)
    const rule = t(`policy.${order}`)
    return scenario.kind === 'same' ? rule : t('changeAnd', { machine: wordsOf(scenario), rule })
  }
  /** What was answered is no answer to what is asked now. */
  const anew =
    <Value,>(set: (value: Value) => void) =>
    (value: Value) => {
      set(value)
      setResult(null)
    }
  const chosen = scenarios.find((scenario) => keyOf(scenario) === key)
  const isMissing = (key === 'cores' && cores === '') || (key === 'gpu' && memoryGb === '')
  const isChange = chosen !== undefined && (chosen.kind !== 'same' || policy !== 'online')

  async function ask(): Promise<void> {
    if (!chosen || !capacity) return
    setAsking(true)
    setError(null)
    try {
      const asked = { scenario: chosen, source, policy, accelerator: acceleratorOf(chosen, devices) }
      const question = questionOf(chosen, { source, policy }, devices, capacity)
      setResult({ answer: await getClient().compute.whatIf(question), asked })
    } catch (failure) {
      setError(toErrorView(failure))
    } finally {
      setAsking(false)
    }
  }

  return (
    <Panel title={t('whatIf')}>
      <div className={classes['form']}>
        <Select
          className={classes['choice']}
          label={t('change')}
          value={key}
          onChange={(value) => value && anew(setKey)(value)}
          allowDeselect={false}
          data={scenarios.map((scenario) => ({
            value: keyOf(scenario),
            label: 'device' in scenario ? wordsOf(scenario) : t(`scenario.${scenario.kind}`),
          }))}
        />
        {key === 'cores' && (
          <NumberInput label={t('cores')} value={cores} onChange={anew(setCores)} min={1} max={1024} w={90} />
        )}
        {key === 'gpu' && (
          <NumberInput
            label={t('gpuMemory')}
            value={memoryGb}
            onChange={anew(setMemoryGb)}
            min={1}
            max={1024}
            w={110}
          />
        )}
        <Select
          className={classes['choice']}
          label={t('scheduled')}
          value={policy}
          onChange={(value) => anew(setPolicy)(POLICIES.find((name) => name === value) ?? 'online')}
          allowDeselect={false}
          data={POLICIES.map((value) => ({ value, label: t(`policies.${value}`) }))}
        />
        {/* Not disabled while it asks: it keeps the focus. */}
        <Button
          disabled={!isChange || isMissing || !capacity}
          aria-disabled={asking || undefined}
          data-disabled={asking || undefined}
          onClick={() => asking || void ask()}
        >
          {asking ? t('asking') : t('ask')}
        </Button>
      </div>
      <SegmentedControl
        size="xs"
        value={source}
        onChange={(value) => anew(setSource)(SOURCES.find((name) => name === value) ?? 'lastDay')}
        aria-label={t('source')}
        data={SOURCES.map((value) => ({ value, label: t(`sources.${value}`) }))}
      />
      {error && <ErrorState error={error} />}
      {result && !error ? (
        <WhatIfResult answer={result.answer} words={changeOf(result.asked)} {...result.asked} />
      ) : (
        !error && <p className={classes['note']}>{t('whatIfText')}</p>
      )}
    </Panel>
  )
}
