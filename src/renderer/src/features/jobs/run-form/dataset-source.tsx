import { Button, MultiSelect, Select } from '@mantine/core'
import type { Column, DatasetSummary, DatasetVersion } from '@shared/contract'
import type { Misfit } from '@shared/domain/dataset-columns'
import { parseModelReference } from '@shared/domain/references'
import type { Signature } from '@shared/domain/tensor'
import type { TFunction } from 'i18next'
import { useCallback, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, StateDot } from '../../../components'
import { getClient } from '../../../lib/client'
import { useList } from '../../../lib/live'
import { useDatasets } from '../../../lib/stores'
import { type Asked, useAsked } from '../use-asked'
import { MAX_ITEMS } from './build-inputs'
import { type InputPlan, planInputs } from './dataset-plan'
import { shapeText } from './form-model'
import classes from './run-form.module.css'
import { SpecHead } from './spec-head'

/** So many chosen columns are shown one by one. */
const FEW = 12

const byName = (a: DatasetSummary, b: DatasetSummary) => a.name.localeCompare(b.name)

/** Why columns cannot feed an input, as a sentence. */
function misfitText(t: TFunction<'jobs'>, misfit: Misfit): string {
  if (misfit.why === 'shape') {
    return t('run.misfit.shape', { got: shapeText(misfit.got), wants: shapeText(misfit.wants) })
  }
  if (misfit.why === 'count')
    return t(misfit.multiple ? 'run.misfit.multiple' : 'run.misfit.count', {
      count: misfit.got,
      wants: misfit.wants,
    })
  return t(`run.misfit.${misfit.why}`, { ...misfit })
}

/** The data set whose rows a batch reads, and which columns feed which input. */
export interface DatasetSource {
  datasets: DatasetSummary[]
  dataset: DatasetSummary | undefined
  version: number | null
  asked: Asked<DatasetVersion>
  plan: InputPlan[]
  choose: (name: string, version?: number) => void
  chooseColumns: (input: string, columns: string[]) => void
  /** What the job names and how it reads it; or why there is no such job yet. */
  outcome: (
    t: TFunction<'jobs'>,
  ) => { dataset: string; columns: Record<string, string[]> } | { problem: string }
}

/** @param initial `name@version` to begin with */
export function useDatasetSource(signature: Signature, initial: string | null): DatasetSource {
  const datasets = useList(useDatasets, byName)
  const [chosen, setChosen] = useState<{ name: string; version: number | null } | null>(() => {
    const parsed = initial === null ? null : parseModelReference(initial)
    return parsed && { name: parsed.name, version: 'version' in parsed ? parsed.version : null }
  })
  const [columns, setColumns] = useState<Record<string, string[]>>({})
  const only = datasets.length === 1 ? datasets[0] : undefined
  const dataset = datasets.find(({ name }) => name === chosen?.name) ?? (chosen ? undefined : only)
  const version = dataset ? (chosen?.version ?? dataset.latest) : null
  const name = dataset?.name
  const ask = useCallback(
    (signal: AbortSignal) =>
      getClient().datasets.version({ name: name ?? '', version: version ?? 0 }, { signal }),
    [name, version],
  )
  const asked = useAsked(name === undefined || version === null ? null : ask)
  const found = asked.value
  const plan = useMemo(
    () => (found ? planInputs(signature, found.columns, columns) : []),
    [signature, found, columns],
  )
  return {
    datasets,
    dataset,
    version,
    asked,
    plan,
    choose: (next, which) => {
      setChosen({ name: next, version: which ?? null })
      setColumns({})
    },
    chooseColumns: (input, names) => setColumns((before) => ({ ...before, [input]: names })),
    outcome: (t) => {
      if (!found) return { problem: t('run.datasetMissing') }
      if (found.rows < 1 || found.rows > MAX_ITEMS)
        return { problem: t('problem.itemCount', { max: MAX_ITEMS, got: found.rows }) }
      for (const { spec, fit } of plan)
        if (!fit.fits) return { problem: `${spec.name}: ${misfitText(t, fit.misfit)}` }
      return {
        dataset: `${found.dataset}@${found.version}`,
        columns: Object.fromEntries(plan.map((input) => [input.spec.name, input.columns])),
      }
    },
  }
}

/** Chooses a version of a data set and says for each input which columns feed it and whether they fit. */
export function DatasetSourceFields({ source }: { source: DatasetSource }) {
  const { t } = useTranslation('jobs')
  const { datasets, dataset, version, asked, plan, choose, chooseColumns } = source
  if (datasets.length === 0) return <div className={classes['note']}>{t('run.noDatasets')}</div>
  return (
    <>
      <div className={classes['pick']}>
        <Select
          label={t('run.dataset')}
          placeholder={t('run.datasetPlaceholder')}
          searchable
          allowDeselect={false}
          data={datasets.map(({ name }) => name)}
          value={dataset?.name ?? null}
          onChange={(name) => name !== null && choose(name)}
        />
        <Select
          label={t('run.datasetVersion')}
          allowDeselect={false}
          disabled={!dataset}
          data={(dataset?.versions ?? []).map((number) => ({
            value: String(number),
            label: t(number === dataset?.latest ? 'run.latestOption' : 'run.versionOption', {
              version: number,
            }),
          }))}
          value={version === null ? null : String(version)}
          onChange={(number) => dataset && choose(dataset.name, Number(number))}
        />
      </div>
      {asked.error && !asked.value && <ErrorState error={asked.error} onRetry={asked.again} />}
      {asked.value && (
        <div className={classes['note']}>{t('run.datasetRows', { count: asked.value.rows })}</div>
      )}
      {plan.map((input) => (
        <InputColumns
          key={input.spec.name}
          input={input}
          all={asked.value?.columns ?? []}
          onChange={(columns) => chooseColumns(input.spec.name, columns)}
        />
      ))}
    </>
  )
}

function InputColumns(props: {
  input: InputPlan
  all: readonly Column[]
  onChange: (columns: string[]) => void
}) {
  const { t } = useTranslation(['jobs', 'common'])
  const { input, all, onChange } = props
  const { spec, columns, fit } = input
  const many = columns.length > FEW
  return (
    <fieldset className={classes['input']} aria-label={spec.name}>
      <SpecHead spec={spec} />
      {many ? (
        <div className={classes['fileRow']}>
          <span>
            {t('run.manyColumns', { count: columns.length, first: columns[0], last: columns.at(-1) })}
          </span>
          <Button size="compact-xs" variant="default" onClick={() => onChange([])}>
            {t('run.otherColumns')}
          </Button>
        </div>
      ) : (
        <MultiSelect
          aria-label={t('run.columnsFor', { input: spec.name })}
          placeholder={columns.length === 0 ? t('run.columnsPlaceholder') : undefined}
          searchable
          hidePickedOptions
          limit={100}
          data={all.map(({ name, type }) => ({ value: name, label: name, type }))}
          renderOption={({ option }) => {
            const type = all.find(({ name }) => name === option.value)?.type
            return (
              <span className={classes['option']}>
                <span>{option.label}</span>
                <span className={classes['note']}>{type && t(`common:columnType.${type}`)}</span>
              </span>
            )
          }}
          value={columns}
          onChange={onChange}
        />
      )}
      <div className={classes['fit']} role={fit.fits ? undefined : 'alert'} data-fits={fit.fits || undefined}>
        <StateDot
          state={fit.fits ? (fit.shape ? 'ok' : 'info') : 'failed'}
          label={
            fit.fits
              ? fit.shape
                ? t('run.fits', { shape: shapeText(fit.shape) || t('run.scalar') })
                : t('run.fitsPerhaps')
              : misfitText(t, fit.misfit)
          }
        />
      </div>
    </fieldset>
  )
}
