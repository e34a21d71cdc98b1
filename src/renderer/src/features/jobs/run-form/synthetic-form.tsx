import { NumberInput, Select, Switch } from '@mantine/core'
import type { Job, JobSpecInput } from '@shared/contract'
import { IconPlayerPlay } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { toErrorView } from '../../../lib/errors'
import { useMachineOffer } from '../../../lib/rights'
import { commonOf } from './build-job'
import { LiveRun } from './live-run'
import { DEFAULT_OPTIONS, type RunOptions } from './remember'
import classes from './run-form.module.css'
import { CommonOptions } from './run-options'

const FAILS = ['error', 'crash', 'hang'] as const

/** A load of known length, without a model. */
export function SyntheticForm() {
  const { t } = useTranslation('jobs')
  // A model asks for the right to run it; this is work of nobody's model.
  const offer = useMachineOffer('job.submit')
  const [seconds, setSeconds] = useState<number | string>(10)
  const [load, setLoad] = useState(false)
  const [fail, setFail] = useState<(typeof FAILS)[number] | null>(null)
  const [cores, setCores] = useState<number | string>('')
  const [megabytes, setMegabytes] = useState<number | string>('')
  const [name, setName] = useState('')
  const [options, setOptions] = useState<RunOptions>(DEFAULT_OPTIONS)
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const [submitted, setSubmitted] = useState<Job | null>(null)

  async function submit(): Promise<void> {
    setBusy(true)
    setProblem(null)
    const { need: onGpu, ...common } = commonOf({ name, options })
    const spec: JobSpecInput = {
      kind: 'synthetic',
      durationMs: Number(seconds) * 1000,
      busy: load,
      ...(fail ? { fail } : {}),
      need: {
        ...(cores === '' ? {} : { cpuCores: Number(cores) }),
        ...(megabytes === '' ? {} : { memoryBytes: Number(megabytes) * 1_000_000 }),
        ...onGpu,
      },
      ...common,
    }
    try {
      setSubmitted(await getClient().compute.jobs.submit(spec))
    } catch (error) {
      setProblem(toErrorView(error).message)
    } finally {
      setBusy(false)
    }
  }

  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    void submit()
  }
  return (
    <>
      <form className={classes['form']} onSubmit={onSubmit} aria-label={t('run.newKind.synthetic')}>
        <div className={classes['note']}>{t('run.syntheticHelp')}</div>
        <div className={classes['fields']}>
          <NumberInput
            label={t('run.duration')}
            min={0}
            max={86_400}
            required
            withAsterisk={false}
            value={seconds}
            onChange={setSeconds}
          />
          <Select
            label={t('run.fail')}
            placeholder={t('run.fails.none')}
            clearable
            data={FAILS.map((value) => ({ value, label: t(`run.fails.${value}`) }))}
            value={fail}
            onChange={(value) => setFail(FAILS.find((known) => known === value) ?? null)}
          />
          <NumberInput label={t('run.needCores')} min={0} value={cores} onChange={setCores} />
          <NumberInput label={t('run.needMemory')} min={0} value={megabytes} onChange={setMegabytes} />
        </div>
        <Switch
          label={t('run.busy')}
          description={t('run.busyHelp')}
          checked={load}
          onChange={(event) => setLoad(event.currentTarget.checked)}
        />
        <CommonOptions
          name={name}
          onName={setName}
          options={options}
          change={(part) => setOptions((old) => ({ ...old, ...part }))}
        />
        {problem !== null && (
          <div className={classes['problem']} role="alert">
            {problem}
          </div>
        )}
        <SubmitButton
          {...offer}
          fullWidth
          size="sm"
          busy={busy}
          leftSection={<IconPlayerPlay size={16} stroke={1.6} />}
        >
          {t('run.submit.synthetic')}
        </SubmitButton>
      </form>
      {submitted && <LiveRun key={submitted.id} submitted={submitted} />}
    </>
  )
}
