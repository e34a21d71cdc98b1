import { ActionIcon, Select, Tooltip } from '@mantine/core'
import type { ModelDiff, ModelVersion, VersionBenchmark } from '@shared/contract'
import { formatBytes } from '@shared/domain/units'
import { IconArrowsExchange } from '@tabler/icons-react'
import { type ReactNode, useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { type Column, EmptyState, ErrorState, Mono, Panel, VirtualTable } from '../../components'
import { getClient } from '../../lib/client'
import { formatExact, formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { usePrincipalNames } from '../../lib/principal-names'
import { type Asked, useAsked } from '../jobs'
import { FORMAT_NAMES, metadataName, metadataNumber, shortDigest } from './about'
import { newestByVersion, setupsOf } from './benchmark-figures'
import { useSetupText } from './benchmarks'
import sides from './compare.module.css'
import {
  type DiffRow,
  diffSentences,
  growthText,
  metadataRows,
  rowOf,
  specRows,
  tensorRows,
} from './diff-words'
import classes from './models.module.css'

function Verdict({ diff }: { diff: ModelDiff }) {
  const { t } = useTranslation('models')
  const [verdict, ...details] = diffSentences(diff)
  if (!verdict) return null
  const mark = verdict.key === 'incompatible' ? 'var(--app-failed)' : 'var(--app-succeeded)'
  return (
    <div className={classes['verdict']} style={{ '--mark': mark }}>
      <strong>{t(`comparison.${verdict.key}`, verdict.values)}</strong>
      {details.length > 0 && (
        <ul>
          {details.map((sentence) => {
            const text = t(`comparison.${sentence.key}`, sentence.values)
            return <li key={text}>{text}</li>
          })}
        </ul>
      )}
    </div>
  )
}

/** Both versions side by side; what differs has a mark and a word. */
function Rows(props: {
  title: string
  rows: readonly DiffRow[]
  /** What a row is called, where that is not its name: two facts may be called the same. */
  labelOf?: (name: string) => string
  same: string
  mono?: boolean
  from: number
  to: number
}) {
  const { t } = useTranslation('models')
  const text = (value: string): ReactNode =>
    value === '' ? <span className={classes['note']}>–</span> : props.mono ? <Mono>{value}</Mono> : value
  return (
    <Panel title={props.title}>
      {props.rows.length === 0 ? (
        <div className={classes['note']}>{props.same}</div>
      ) : (
        <table className={`${classes['table']} ${sides['compare']}`} aria-label={props.title}>
          <thead>
            <tr>
              <th scope="col">{t('comparison.what')}</th>
              <th scope="col">{t('version', { version: props.from })}</th>
              <th scope="col">{t('version', { version: props.to })}</th>
              <th scope="col">{t('comparison.difference')}</th>
            </tr>
          </thead>
          <tbody>
            {props.rows.map((row) => (
              <tr key={row.name} data-change={row.change}>
                <th scope="row">{props.labelOf?.(row.name) ?? row.name}</th>
                <td>{text(row.from)}</td>
                <td>{text(row.to)}</td>
                <td>{row.note ?? (row.change === 'same' ? '' : t(`comparison.change.${row.change}`))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}

function useFactRows(from: ModelVersion, to: ModelVersion): DiffRow[] {
  const { t } = useTranslation('models')
  const locale = localeOf(useLanguage((state) => state.language))
  const nameOf = usePrincipalNames()
  const number = (version: ModelVersion) => {
    const parameters = metadataNumber(version, 'parameters')
    return parameters === null ? null : formatNumber(parameters, locale)
  }
  const grown = (row: DiffRow, a: number | null, b: number | null): DiffRow => {
    const note = a === null || b === null ? null : growthText(a, b)
    return note === null ? row : { ...row, note }
  }
  const texts = (name: string, of: (version: ModelVersion) => string | null) =>
    rowOf(name, of(from) || null, of(to) || null)
  return [
    grown(
      texts(t('about.size'), ({ sizeBytes }) => formatBytes(sizeBytes)),
      from.sizeBytes,
      to.sizeBytes,
    ),
    grown(
      texts(t('comparison.parameters'), number),
      metadataNumber(from, 'parameters'),
      metadataNumber(to, 'parameters'),
    ),
    texts(t('about.format'), ({ format }) => FORMAT_NAMES[format]),
    texts(t('about.digest'), ({ digest }) => shortDigest(digest)),
    texts(
      t('about.added'),
      ({ createdAt, createdBy }) => `${formatExact(createdAt, locale)}, ${nameOf(createdBy)}`,
    ),
    texts(t('about.source'), ({ lineage }) => lineage.source),
    texts(t('column.aliases'), ({ aliases }) => aliases.join(', ')),
    texts(t('notes.tags'), ({ tags }) => tags.join(', ')),
    texts(t('notes.notes'), ({ notes }) => notes),
  ].filter((row) => row.from !== '' || row.to !== '')
}

function fileRows(diff: ModelDiff): DiffRow[] {
  return diff.files.map(({ path, change, fromBytes, toBytes }) => ({
    ...rowOf(
      path,
      change === 'added' ? null : formatBytes(fromBytes),
      change === 'removed' ? null : formatBytes(toBytes),
    ),
    // Other bytes of the same length are a change too.
    change,
  }))
}

function useBenchmarkRows(benchmarks: readonly VersionBenchmark[], from: number, to: number): DiffRow[] {
  const setupText = useSetupText()
  const locale = localeOf(useLanguage((state) => state.language))
  const both = benchmarks.filter(({ version }) => version === from || version === to)
  return setupsOf(both).flatMap((setup) => {
    const newest = newestByVersion(both, setup)
    const of = (version: number) => newest.find((benchmark) => benchmark.version === version)
    return (['p50', 'p95'] as const).map((key) => {
      const [a, b] = [of(from)?.latencyMs[key], of(to)?.latencyMs[key]]
      const text = (ms: number | undefined) => (ms === undefined ? null : `${formatNumber(ms, locale, 2)} ms`)
      const row = rowOf(`${key}, ${setupText(setup)}`, text(a), text(b))
      const note = a !== undefined && b !== undefined ? growthText(a, b) : null
      return note === null ? row : { ...row, note }
    })
  })
}

function Tensors({ diff }: { diff: ModelDiff }) {
  const { t } = useTranslation('models')
  const rows = tensorRows(diff)
  const { added, removed, reshaped, unchanged } = diff.tensors
  const columns: Column<DiffRow>[] = [
    {
      key: 'name',
      width: 'minmax(160px, 2fr)',
      header: t('tensors.name'),
      render: ({ name }) => <Mono title={name}>{name}</Mono>,
    },
    {
      key: 'from',
      width: 'minmax(100px, 1fr)',
      header: t('version', { version: diff.from }),
      render: ({ from }) => <Mono>{from || '–'}</Mono>,
    },
    {
      key: 'to',
      width: 'minmax(100px, 1fr)',
      header: t('version', { version: diff.to }),
      render: ({ to }) => <Mono>{to || '–'}</Mono>,
    },
    {
      key: 'change',
      width: '90px',
      header: t('comparison.difference'),
      render: ({ change }) =>
        change === 'added' || change === 'removed'
          ? t(`comparison.change.${change}`)
          : t('comparison.reshaped'),
    },
  ]
  return (
    <Panel
      title={t('tab.tensors')}
      flush={rows.length > 0}
      aside={
        rows.length + unchanged > 0 &&
        t('comparison.tensorCounts', {
          added: added.length,
          removed: removed.length,
          reshaped: reshaped.length,
          unchanged,
        })
      }
    >
      {rows.length === 0 ? (
        <div className={classes['note']}>
          {t(unchanged > 0 ? 'comparison.tensorsSame' : 'comparison.tensorsNone')}
        </div>
      ) : (
        <VirtualTable
          label={t('tab.tensors')}
          rows={rows}
          rowKey={({ name, change }) => `${change} ${name}`}
          columns={columns}
          rowHeight={36}
          maxHeight={420}
        />
      )}
    </Panel>
  )
}

function Comparison(props: {
  from: ModelVersion
  to: ModelVersion
  diff: ModelDiff
  benchmarks: Asked<VersionBenchmark[]>
}) {
  const { t } = useTranslation('models')
  const { from, to, diff, benchmarks } = props
  const pair = { from: from.version, to: to.version }
  const facts = useFactRows(from, to)
  const measured = useBenchmarkRows(benchmarks.value ?? [], from.version, to.version)
  const signature = [
    ...specRows(from.signature.inputs, to.signature.inputs).map((row) => ({
      ...row,
      name: `${t('signature.in')} ${row.name}`,
    })),
    ...specRows(from.signature.outputs, to.signature.outputs).map((row) => ({
      ...row,
      name: `${t('signature.out')} ${row.name}`,
    })),
  ]
  return (
    <>
      <Verdict diff={diff} />
      <div className={sides['sides']}>
        <div className={classes['stack']}>
          <Rows {...pair} title={t('comparison.glance')} rows={facts} same="" />
          <Rows {...pair} title={t('files.title')} rows={fileRows(diff)} same={t('comparison.filesSame')} />
          <Rows
            {...pair}
            title={t('benchmarks.title')}
            rows={measured}
            same={
              benchmarks.value ? t('comparison.benchmarksNone') : (benchmarks.error?.message ?? t('loading'))
            }
          />
        </div>
        <div className={classes['stack']}>
          <Rows {...pair} title={t('signature.title')} rows={signature} same={t('signature.none')} mono />
          <Tensors diff={diff} />
          <Rows
            {...pair}
            title={t('comparison.metadata')}
            rows={metadataRows(diff)}
            labelOf={(key) => metadataName(t, key)}
            same={t('comparison.metadataSame')}
          />
        </div>
      </div>
    </>
  )
}

export interface ComparePair {
  from: number
  to: number
}

/** Two versions of a model side by side, both chosen by the person; first what it means for those who call them. */
export function CompareTab(props: {
  model: string
  versions: readonly ModelVersion[]
  pair: ComparePair
  benchmarks: Asked<VersionBenchmark[]>
  onPair: (pair: ComparePair) => void
}) {
  const { t } = useTranslation('models')
  const { model: name, versions, onPair } = props
  const { from, to } = props.pair
  const ask = useCallback(
    (signal: AbortSignal) => getClient().storage.models.diff({ name, from, to }, { signal }),
    [name, from, to],
  )
  const { value, error, again } = useAsked(ask)
  const choices = [...versions]
    .sort((a, b) => b.version - a.version)
    .map(({ version }) => ({ value: String(version), label: t('version', { version }) }))
  const [before, after] = [from, to].map((number) => versions.find(({ version }) => version === number))
  return (
    <div className={classes['column']}>
      <div className={classes['pair']}>
        <Select
          label={t('comparison.from')}
          allowDeselect={false}
          data={choices}
          value={String(from)}
          onChange={(value) => value && onPair({ from: Number(value), to })}
        />
        <Tooltip label={t('comparison.swap')}>
          <ActionIcon
            variant="default"
            aria-label={t('comparison.swap')}
            onClick={() => onPair({ from: to, to: from })}
          >
            <IconArrowsExchange size={16} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
        <Select
          label={t('comparison.to')}
          allowDeselect={false}
          data={choices}
          value={String(to)}
          onChange={(value) => value && onPair({ from, to: Number(value) })}
        />
      </div>
      {from === to ? (
        <EmptyState
          icon={IconArrowsExchange}
          title={t('comparison.sameVersion')}
          text={t('comparison.chooseOther')}
        />
      ) : error && !value ? (
        <ErrorState error={error} onRetry={again} />
      ) : value && before && after ? (
        <Comparison from={before} to={after} diff={value} benchmarks={props.benchmarks} />
      ) : (
        <div className={classes['note']}>{t('loading')}</div>
      )}
    </div>
  )
}
