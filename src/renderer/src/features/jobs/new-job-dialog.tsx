import { SegmentedControl, Select } from '@mantine/core'
import type { ModelSummary } from '@shared/contract'
import { useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Modal } from '../../components'
import { getClient } from '../../lib/client'
import { useList } from '../../lib/live'
import { useModels } from '../../lib/stores'
import { RunForm } from './run-form/run-form'
import classes from './run-form/run-form.module.css'
import { SyntheticForm } from './run-form/synthetic-form'
import { useAsked } from './use-asked'

const byName = (a: ModelSummary, b: ModelSummary) => a.name.localeCompare(b.name)

/** The selector a model is run by when nobody chose: `production` where it is set, else the latest version. */
function defaultSelector(model: ModelSummary): string {
  return model.aliases.some(({ alias }) => alias === 'production') ? 'production' : String(model.latest)
}

function versionOf(model: ModelSummary, selector: string): number {
  return model.aliases.find(({ alias }) => alias === selector)?.version ?? Number(selector)
}

/** The form for `name@selector`, once the signature is there. */
function ReferenceForm(props: { model: ModelSummary; selector: string; dataset: string | null }) {
  const { t } = useTranslation('jobs')
  const { model, selector, dataset } = props
  const { name } = model
  const version = versionOf(model, selector)
  const ask = useCallback(
    (signal: AbortSignal) => getClient().storage.models.version({ name, version }, { signal }),
    [name, version],
  )
  const { value, error, again } = useAsked(ask)
  if (error && !value) return <ErrorState error={error} onRetry={again} />
  if (!value) return <div className={classes['note']}>{t('run.loadingSignature')}</div>
  return (
    <RunForm
      key={`${name}@${version}`}
      model={name}
      version={version}
      reference={`${name}@${selector}`}
      signature={value.signature}
      format={value.format}
      metadata={value.metadata}
      dataset={dataset}
    />
  )
}

function ModelJob({ initial, dataset }: { initial: string | null; dataset: string | null }) {
  const { t } = useTranslation('jobs')
  const models = useList(useModels, byName)
  const [chosen, setChosen] = useState<{ model: string; selector?: string } | null>(
    initial === null ? null : { model: initial },
  )
  const model =
    models.find(({ name }) => name === chosen?.model) ?? (models.length === 1 ? models[0] : undefined)
  // What is chosen for the person stays, too: a version that comes meanwhile must not begin their form anew.
  if (model && (chosen?.model !== model.name || chosen.selector === undefined))
    setChosen({ model: model.name, selector: defaultSelector(model) })
  const selector = chosen?.selector
  const selectors = useMemo(() => {
    if (!model) return []
    const versions = [...model.versions].sort((a, b) => b - a)
    return [
      ...model.aliases.map(({ alias, version }) => ({
        value: alias,
        label: `${alias} (${t('run.versionOption', { version })})`,
      })),
      ...versions.map((version) => ({
        value: String(version),
        label: t(version === model.latest ? 'run.latestOption' : 'run.versionOption', { version }),
      })),
    ]
  }, [model, t])
  if (models.length === 0) return <div className={classes['note']}>{t('run.noModels')}</div>
  const known = selectors.some(({ value }) => value === selector)
  const current = model ? (known && selector ? selector : defaultSelector(model)) : null
  return (
    <div className={classes['form']}>
      <div className={classes['pick']}>
        <Select
          label={t('run.model')}
          placeholder={t('run.modelPlaceholder')}
          searchable
          allowDeselect={false}
          data={models.map(({ name }) => name)}
          value={model?.name ?? null}
          onChange={(name) => name && setChosen({ model: name })}
        />
        <Select
          label={t('run.selector')}
          allowDeselect={false}
          disabled={!model}
          data={selectors}
          value={current}
          onChange={(value) => model && value && setChosen({ model: model.name, selector: value })}
        />
      </div>
      {model && current && <ReferenceForm model={model} selector={current} dataset={dataset} />}
    </div>
  )
}

/** A new job of any kind: a model by reference, perhaps over a data set, or a synthetic load. */
export function NewJobDialog(props: {
  opened: boolean
  onClose: () => void
  model: string | null
  dataset: string | null
}) {
  const { t } = useTranslation('jobs')
  const [kind, setKind] = useState('model')
  return (
    // A click beside it would take along what is typed, or a whole conversation.
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      closeOnClickOutside={false}
      title={t('run.newTitle')}
      size={640}
    >
      <div className={classes['form']}>
        <SegmentedControl
          aria-label={t('run.newKindLabel')}
          data={[
            { value: 'model', label: t('run.newKind.model') },
            { value: 'synthetic', label: t('run.newKind.synthetic') },
          ]}
          value={kind}
          onChange={setKind}
        />
        {kind === 'model' ? <ModelJob initial={props.model} dataset={props.dataset} /> : <SyntheticForm />}
      </div>
    </Modal>
  )
}
