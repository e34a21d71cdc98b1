import { NumberInput, Tabs } from '@mantine/core'
import type { Inputs, Job, JobSpecInput, ModelFormat, ModelVersion } from '@shared/contract'
import type { Signature } from '@shared/domain/tensor'
import { IconPlayerPlay } from '@tabler/icons-react'
import { type FormEvent, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../../components'
import { getClient } from '../../../lib/client'
import { notifyError, toErrorView } from '../../../lib/errors'
import { type Built, buildInputs, buildItems, type ChosenFile, itemsFromText } from './build-inputs'
import { batchJob, benchmarkJob, datasetJob, inferJob } from './build-job'
import { ChatForm } from './chat-form'
import { DatasetSourceFields, useDatasetSource } from './dataset-source'
import { formFor, freeDimensions, isScalar } from './form-model'
import { InputField } from './input-field'
import { InputProblem } from './input-problem'
import { windowMemory } from './known-inputs'
import { LiveRun } from './live-run'
import { problemText } from './problem-text'
import { DEFAULT_OPTIONS, type RunOptions, recallRun, rememberRun } from './remember'
import classes from './run-form.module.css'
import { BatchOptions, BenchmarkOptions, CommonOptions, type ItemsSource } from './run-options'
import { MAX_TENSOR_FILE_BYTES } from './tensor-file'

const KINDS = ['infer', 'batch', 'benchmark'] as const

export interface RunFormProps {
  model: string
  version: number
  /** What the job names: `name@version` or `name@alias`. */
  reference: string
  signature: Signature
  format: ModelFormat
  metadata: ModelVersion['metadata']
  /** `name@version` of the data set that a batch is to read. */
  dataset?: string | null
}

/** Runs a model version: a form made from its signature, or for a language model a conversation. */
export function RunForm(props: RunFormProps) {
  if (props.format !== 'gguf') return <TensorForm {...props} />
  return <ChatForm reference={props.reference} chats={props.metadata['chatTemplate'] !== undefined} />
}

/** A form made from the signature, then the job live in place. */
function TensorForm(props: RunFormProps) {
  const { t } = useTranslation('jobs')
  const { model, version, reference, signature } = props
  const [recalled] = useState(() => recallRun(windowMemory, model, version))
  const [form, setForm] = useState(() => formFor(signature, recalled?.form ?? null))
  const { dataset = null } = props
  const [options, setOptions] = useState<RunOptions>(() => ({
    ...(recalled?.options ?? DEFAULT_OPTIONS),
    ...(dataset === null ? {} : { kind: 'batch' }),
  }))
  const [name, setName] = useState('')
  const [files, setFiles] = useState<Record<string, ChosenFile | undefined>>({})
  const [source, setSource] = useState<ItemsSource>({ from: dataset === null ? 'rule' : 'data', file: null })
  const data = useDatasetSource(signature, dataset)
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const [submitted, setSubmitted] = useState<Job | null>(null)
  const dimensions = useMemo(() => freeDimensions(signature), [signature])
  const change = (part: Partial<RunOptions>) => setOptions((old) => ({ ...old, ...part }))

  const closed = useRef<AbortController | null>(null)
  useEffect(() => {
    closed.current = new AbortController()
    return () => closed.current?.abort()
  }, [])

  const { plan } = data
  // What was wrong with other columns, or with inputs that are not asked for any more, is no problem of these.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another plan, kind or source is another question
  useEffect(() => setProblem(null), [plan, options.kind, source.from])

  const byRule = !(options.kind === 'batch' && source.from !== 'rule')
  const random =
    byRule && signature.inputs.some((spec) => !isScalar(spec) && form.inputs[spec.name]?.filler === 'random')

  async function build(): Promise<Built<JobSpecInput>> {
    const head = { model: reference, name, options }
    if (options.kind === 'batch') {
      const items: Built<Inputs[]> =
        source.from === 'rule'
          ? await buildItems(signature, form, files, options.count, closed.current?.signal)
          : itemsOf(source)
      return items.ok ? { ok: true, value: batchJob(head, items.value) } : items
    }
    const inputs = buildInputs(signature, form, files)
    if (!inputs.ok) return inputs
    return {
      ok: true,
      value: options.kind === 'infer' ? inferJob(head, inputs.value) : benchmarkJob(head, inputs.value),
    }
  }

  function itemsOf({ file }: ItemsSource): Built<Inputs[]> {
    try {
      if (!file) throw new InputProblem('fileMissing')
      return { ok: true, value: itemsFromText(signature, file.text, form.dimensions) }
    } catch (error) {
      if (error instanceof InputProblem) return { ok: false, problems: [{ input: null, problem: error }] }
      throw error
    }
  }

  /** What is to be submitted; null after saying why there is nothing. */
  async function spec(): Promise<JobSpecInput | null> {
    if (options.kind === 'batch' && source.from === 'data') {
      const outcome = data.outcome(t)
      if (!('problem' in outcome)) return datasetJob({ model: reference, name, options }, outcome)
      setProblem(outcome.problem)
      return null
    }
    const built = await build()
    if (built.ok) return built.value
    const [first] = built.problems
    if (first) setProblem(`${first.input === null ? '' : `${first.input}: `}${problemText(t, first.problem)}`)
    return null
  }

  async function submit(): Promise<void> {
    setBusy(true)
    setProblem(null)
    try {
      const wanted = await spec()
      if (!wanted) return
      const job = await getClient().compute.jobs.submit(wanted)
      rememberRun(windowMemory, model, version, { form, options })
      setSubmitted(job)
    } catch (error) {
      const view = toErrorView(error)
      if (view.code !== 'cancelled' && !closed.current?.signal.aborted) setProblem(view.message)
    } finally {
      setBusy(false)
    }
  }

  async function readItems(file: File): Promise<void> {
    setProblem(null)
    try {
      if (file.size > MAX_TENSOR_FILE_BYTES) {
        throw new InputProblem('fileTooLarge', { bytes: file.size, maxBytes: MAX_TENSOR_FILE_BYTES })
      }
      const text = await file.text()
      const { length } = itemsFromText(signature, text, form.dimensions)
      setSource({ from: 'file', file: { name: file.name, text, count: length } })
    } catch (error) {
      setSource({ from: 'file', file: null })
      if (error instanceof InputProblem) setProblem(problemText(t, error))
      else notifyError(error, t('run.readFailed'))
    }
  }

  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    void submit()
  }
  return (
    <>
      <form
        className={classes['form']}
        onSubmit={onSubmit}
        aria-label={t('run.formLabel', { model: reference })}
      >
        <Tabs
          value={options.kind}
          onChange={(kind) => change({ kind: KINDS.find((known) => known === kind) ?? 'infer' })}
        >
          <Tabs.List grow aria-label={t('run.kindLabel')}>
            {KINDS.map((kind) => (
              <Tabs.Tab key={kind} value={kind} type="button">
                {t(`run.kind.${kind}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
        {options.kind === 'batch' && (
          <BatchOptions
            options={options}
            change={change}
            source={source}
            onSource={(from) => setSource((old) => ({ ...old, from }))}
            onFile={(file) => void readItems(file)}
          >
            <DatasetSourceFields source={data} />
          </BatchOptions>
        )}
        {options.kind === 'benchmark' && <BenchmarkOptions options={options} change={change} />}
        {byRule && dimensions.length > 0 && (
          <div className={classes['group']}>
            <h3 className={classes['groupTitle']}>{t('run.dimensions')}</h3>
            <div className={classes['fields']}>
              {dimensions.map((dimension) => (
                <NumberInput
                  key={dimension.key}
                  label={dimension.name ?? dimension.places[0]}
                  aria-label={
                    dimension.name
                      ? t('run.dimension', { name: dimension.name })
                      : t('run.dimensionUnnamed', { place: dimension.places[0] })
                  }
                  min={0}
                  max={100_000_000}
                  allowDecimal={false}
                  value={form.dimensions[dimension.key] ?? 1}
                  onChange={(value) => {
                    if (typeof value !== 'number' || value < 0) return
                    setForm((old) => ({ ...old, dimensions: { ...old.dimensions, [dimension.key]: value } }))
                  }}
                />
              ))}
            </div>
          </div>
        )}
        {byRule && (
          <div className={classes['group']}>
            <h3 className={classes['groupTitle']}>{t('run.inputs')}</h3>
            {signature.inputs.length === 0 && <div className={classes['note']}>{t('run.noInputs')}</div>}
            {signature.inputs.map((spec) => (
              <InputField
                key={spec.name}
                spec={spec}
                form={form}
                file={files[spec.name]}
                onChange={(choice) =>
                  setForm((old) => ({ ...old, inputs: { ...old.inputs, [spec.name]: choice } }))
                }
                onFile={(file) => setFiles((old) => ({ ...old, [spec.name]: file }))}
              />
            ))}
          </div>
        )}
        {random && (
          <NumberInput
            label={t('run.seed')}
            description={t('run.seedHelp')}
            min={0}
            max={4_294_967_295}
            allowDecimal={false}
            value={form.seed}
            onChange={(value) => {
              if (typeof value === 'number' && value >= 0) setForm((old) => ({ ...old, seed: value }))
            }}
          />
        )}
        <CommonOptions name={name} onName={setName} options={options} change={change} />
        {problem !== null && (
          <div className={classes['problem']} role="alert">
            {problem}
          </div>
        )}
        <SubmitButton fullWidth size="sm" busy={busy} leftSection={<IconPlayerPlay size={16} stroke={1.6} />}>
          {submitted && options.kind === 'infer' ? t('run.again') : t(`run.submit.${options.kind}`)}
        </SubmitButton>
      </form>
      {submitted && <LiveRun key={submitted.id} submitted={submitted} />}
    </>
  )
}
