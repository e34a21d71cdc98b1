import { Button, NumberInput, SegmentedControl, Select } from '@mantine/core'
import type { WhatIfAnswer, WhatIfQuestion } from '@shared/contract'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Panel } from '../../components'
import { getClient } from '../../lib/client'
import { byKind, deviceLabel } from '../../lib/devices'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { useDevices, useTelemetry } from '../../lib/stores'
import { keyOf, questionOf, type Scenario, scenariosOf } from './scenario'
import classes from './timeline.module.css'
import { WhatIfResult } from './what-if-result'

const SOURCES = ['lastDay', 'queue'] as const

/** Another machine, tried on the jobs of the last day or on the queue as it is. */
export function WhatIfPanel() {
  const { t } = useTranslation('timeline')
  const devices = useDevices((state) => state.items)
  const capacity = useTelemetry((state) => state.resources?.capacity)
  const [key, setKey] = useState('cores')
  const [cores, setCores] = useState(4)
  const [source, setSource] = useState<WhatIfQuestion['source']>('lastDay')
  const [asking, setAsking] = useState(false)
  const [error, setError] = useState<ErrorView | null>(null)
  const [result, setResult] = useState<{ answer: WhatIfAnswer; scenario: Scenario } | null>(null)
  const scenarios = useMemo(() => scenariosOf([...devices.values()].sort(byKind)), [devices])
  const wordsOf = (scenario: Scenario) =>
    scenario.kind === 'cores'
      ? t('scenario.coresOf', { count: scenario.cores })
      : t(`scenario.${scenario.kind}`, { device: deviceLabel(scenario.device, devices) })
  const chosen = scenarios.find((scenario) => keyOf(scenario) === key)

  async function ask(): Promise<void> {
    if (!chosen || !capacity) return
    const scenario = chosen.kind === 'cores' ? { ...chosen, cores } : chosen
    setAsking(true)
    setError(null)
    try {
      const answer = await getClient().compute.whatIf(questionOf(scenario, source, devices, capacity))
      setResult({ answer, scenario })
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
          label={t('change')}
          value={key}
          onChange={(value) => value && setKey(value)}
          allowDeselect={false}
          data={scenarios.map((scenario) => ({
            value: keyOf(scenario),
            label: scenario.kind === 'cores' ? t('scenario.cores') : wordsOf(scenario),
          }))}
        />
        {key === 'cores' && (
          <NumberInput
            label={t('cores')}
            value={cores}
            onChange={(value) => setCores(typeof value === 'number' ? value : 1)}
            min={1}
            max={1024}
            w={90}
          />
        )}
        <Button onClick={ask} disabled={!chosen || !capacity || asking}>
          {asking ? t('asking') : t('ask')}
        </Button>
      </div>
      <SegmentedControl
        size="xs"
        value={source}
        onChange={(value) => setSource(SOURCES.find((name) => name === value) ?? 'lastDay')}
        aria-label={t('source')}
        data={SOURCES.map((value) => ({ value, label: t(`sources.${value}`) }))}
      />
      {error && <ErrorState error={error} />}
      {result && !error ? (
        <WhatIfResult answer={result.answer} words={wordsOf(result.scenario)} />
      ) : (
        !error && <p className={classes['note']}>{t('whatIfText')}</p>
      )}
    </Panel>
  )
}
