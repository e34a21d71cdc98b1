import { Badge, Button, Tabs } from '@mantine/core'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import type { Alias, Canary, Model, ModelVersion } from '@shared/contract'
import { IconDownload, IconMoodEmpty, IconPlayerPlay } from '@tabler/icons-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Attention, EmptyState, ErrorState, Page } from '../../components'
import { getClient } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { rightsOver, useOffer } from '../../lib/rights'
import { navigate, pathTo, useRoute } from '../../lib/router'
import { useModels } from '../../lib/stores'
import { RunForm, useAsked } from '../jobs'
import { FORMAT_NAMES } from './about'
import { AliasDialog, type AliasDraft } from './alias-dialog'
import { AliasHistory } from './alias-history'
import { ArchitecturePanel } from './architecture-panel'
import { archiveAddress } from './archive'
import { BenchmarksTab, LatencyPanel, useBenchmarks } from './benchmarks'
import { CanaryDialog, type CanaryStart } from './canary-dialog'
import { CanaryPanel } from './canary-panel'
import { CompareTab } from './compare-tab'
import { BARE_FORMATS } from './conversions'
import { LineageTab } from './lineage-tab'
import classes from './models.module.css'
import { NotesPanel } from './notes-panel'
import { goTo, type ModelPlace, modelPath, modelPlace, TABS, type Tab } from './place'
import { PolicyPanel } from './policy-panel'
import { RecentRuns } from './runs-panels'
import { TensorsTab } from './tensors-tab'
import { AboutPanel, CallPanel, FilesPanel, SignaturePanel } from './version-panels'
import { VersionsPanel } from './versions-panel'
import { useRunnable, WhyNot } from './why-not'

/** How often a canary's figures are asked for: the system tells of its end, not of each request. */
const CANARY_MS = 1_500

/** A model with its versions, asked for again whenever the list says that it changed, and while a canary is tried. */
function useModelPage(name: string) {
  const summary = useModels((state) => state.items.get(name))
  const ask = useCallback(
    async (signal: AbortSignal) => {
      const { models } = getClient().storage
      const [model, versions, rights] = await Promise.all([
        models.get({ name }, { signal }),
        models.versions({ name }, { signal }),
        rightsOver({ model: name }, signal),
      ])
      return { model, versions: versions.items, rights }
    },
    [name],
  )
  const asked = useAsked(ask)
  const { again } = asked
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new summary means that something of the model changed
  useEffect(() => again(), [summary, again])
  const tried = asked.value?.model.aliases.some(({ canary }) => canary !== null) ?? false
  useEffect(() => {
    if (!tried) return
    const timer = setInterval(() => {
      if (!document.hidden) again()
    }, CANARY_MS)
    return () => clearInterval(timer)
  }, [tried, again])
  return asked
}

/** The version a link names, else production, else the latest. */
function chosenVersion(model: Model, versions: readonly ModelVersion[], asked: number | undefined) {
  const production = model.aliases.find(({ alias }) => alias === 'production')?.version
  const find = (number: number | undefined) => versions.find(({ version }) => version === number)
  return find(asked) ?? find(production) ?? find(model.latest) ?? versions[0]
}

/** Two versions to compare: those the link names, else the chosen one with the one before it. */
function chosenPair({ versions }: Model, number: number, { from, to }: ModelPlace) {
  const others = versions.filter((other) => other !== number).sort((a, b) => b - a)
  const other = others.find((candidate) => candidate < number) ?? others[0] ?? number
  const known = (asked: number | undefined) => (asked && versions.includes(asked) ? asked : undefined)
  return { from: known(from) ?? Math.min(other, number), to: known(to) ?? Math.max(other, number) }
}

function isSplit(alias: Alias): alias is Alias & { canary: Canary } {
  return alias.canary !== null
}

/** What deletes a version after asking, and the words of a refusal. */
function useRemoval(model: Model | undefined, onRemoved: (version: number) => void) {
  const { t } = useTranslation(['models', 'common'])
  const [refusal, setRefusal] = useState<{ version: number; error: ErrorView } | null>(null)
  async function remove(version: number): Promise<void> {
    setRefusal(null)
    try {
      await getClient().storage.models.removeVersion({ name: model?.name ?? '', version })
      notifications.show({ message: t('remove.done', { version }), withBorder: true })
      onRemoved(version)
    } catch (refused) {
      setRefusal({ version, error: toErrorView(refused) })
    }
  }
  const ask = (version: number) =>
    modals.openConfirmModal({
      title: t('remove.title', { version }),
      children: t('remove.text'),
      labels: { confirm: t('remove.confirm', { version }), cancel: t('common:cancel') },
      confirmProps: { color: 'red' },
      onConfirm: () => void remove(version),
    })
  return { ask, refusal, dismiss: () => setRefusal(null) }
}

/** One model: its versions at the left, all about the chosen one beside them; what concerns all of them in tabs. */
export function ModelPage({ name }: { name: string }) {
  const { t } = useTranslation(['models', 'common'])
  const { params, query } = useRoute()
  const place = useMemo(() => modelPlace(params, query), [params, query])
  const { value, error, again } = useModelPage(name)
  const benchmarks = useBenchmarks(name)
  const [draft, setDraft] = useState<AliasDraft | null>(null)
  const [trial, setTrial] = useState<CanaryStart | null>(null)
  const version = (value && chosenVersion(value.model, value.versions, place.version)) ?? null
  const runnable = useRunnable(version)
  const removal = useRemoval(value?.model, (removed) => {
    if (value?.model.versions.length === 1) navigate('/models', { replace: true })
    else {
      if (removed === version?.version) navigate(pathTo('models', name), { replace: true })
      again()
    }
  })
  const deletion = useOffer('model.manage', value?.rights ?? null)
  const parent = { label: t('title'), to: '/models' }

  if (error?.code === 'storage.not_found') {
    return (
      <Page parent={parent} title={name}>
        <EmptyState
          icon={IconMoodEmpty}
          title={t('missing')}
          text={t('missingText')}
          action={
            <Button variant="default" onClick={() => navigate('/models')}>
              {t('allModels')}
            </Button>
          }
        />
      </Page>
    )
  }
  if (!value || !version) {
    return (
      <Page parent={parent} title={name}>
        {error ? (
          <ErrorState error={error} onRetry={again} />
        ) : (
          <div className={classes['note']}>{t('loading')}</div>
        )}
      </Page>
    )
  }
  const { model, versions } = value
  const { version: number } = version
  const tab = place.tab === 'compare' && versions.length < 2 ? 'overview' : (place.tab ?? 'overview')
  const reference = `${name}@${number}`
  const alias = version.aliases.includes('production') ? 'production' : version.aliases[0]
  const here = { version: number, tab }
  const run = (which: number) =>
    navigate(modelPath(name, { version: which, run: true }), { replace: which === number })
  const timeline = (
    <VersionsPanel
      model={model}
      versions={versions}
      selected={number}
      pathOf={(which) => modelPath(name, { version: which, tab })}
      actions={{
        onAlias: setDraft,
        onCanary: setTrial,
        onRun: run,
        onCompare: (which) =>
          navigate(modelPath(name, { version: number, tab: 'compare', ...chosenPair(model, which, {}) })),
        onDelete: removal.ask,
        deletion,
      }}
    />
  )
  const counts: Partial<Record<Tab, number>> = {
    tensors: version.tensorCount,
    benchmarks: benchmarks.value?.length ?? 0,
  }
  return (
    <Page
      parent={parent}
      title={name}
      fill={tab !== 'overview' && tab !== 'compare'}
      note={<Badge>{FORMAT_NAMES[version.format]}</Badge>}
      actions={
        <>
          <Button
            component="a"
            href={archiveAddress(name, number)}
            download
            variant="default"
            leftSection={<IconDownload size={15} stroke={1.6} />}
            title={t('exportText', { version: number })}
          >
            {t('export')}
          </Button>
          <Button
            leftSection={<IconPlayerPlay size={15} stroke={1.6} />}
            disabled={runnable?.can === false}
            onClick={() => run(number)}
          >
            {t('run')}
          </Button>
        </>
      }
      detail={
        place.run && (
          <>
            <h2 className={classes['runHead']}>{t('runTitle', { reference })}</h2>
            <RunForm
              key={reference}
              model={name}
              version={number}
              reference={reference}
              signature={version.signature}
              format={version.format}
              metadata={version.metadata}
            />
          </>
        )
      }
      detailLabel={t('runTitle', { reference })}
      onCloseDetail={() => goTo(name, here)}
    >
      {place.version !== undefined && place.version !== number && (
        <Attention>{t('versionGone', { asked: place.version, shown: number })}</Attention>
      )}
      {removal.refusal && (
        <Attention
          tone="failed"
          actions={
            <Button variant="default" onClick={removal.dismiss}>
              {t('remove.dismiss')}
            </Button>
          }
        >
          <strong>{t('remove.refused', { version: removal.refusal.version })}.</strong>{' '}
          {removal.refusal.error.message}
        </Attention>
      )}
      <Tabs
        data-fill
        className={classes['sections']}
        value={tab}
        variant="pills"
        onChange={(chosen) => {
          const next = TABS.find((known) => known === chosen)
          if (next) goTo(name, { version: number, tab: next })
        }}
      >
        <Tabs.List className={classes['tabList']} aria-label={t('sections')}>
          {TABS.filter((known) => known !== 'compare' || versions.length > 1).map((known) => (
            <Tabs.Tab key={known} value={known} className={classes['tab']}>
              {t(`tab.${known}`)}
              {counts[known] ? <span className={classes['tabCount']}>{counts[known]}</span> : null}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} className={classes['sectionBody']}>
          {tab === 'overview' && (
            <div className={classes['container']}>
              {runnable?.can === false && (
                <div className={classes['above']}>
                  <WhyNot version={version} runnable={runnable} />
                </div>
              )}
              <div className={classes['grid']}>
                <div className={classes['stack']}>
                  {timeline}
                  <AliasHistory model={model} />
                  <PolicyPanel model={model} versions={versions} />
                </div>
                <div className={classes['stack']}>
                  {model.aliases.filter(isSplit).map((split) => (
                    <CanaryPanel key={split.alias} model={name} alias={split} onChange={setTrial} />
                  ))}
                  <SignaturePanel version={version} />
                  <LatencyPanel asked={benchmarks} />
                  {runnable?.can !== false && (
                    <CallPanel version={version} reference={alias ? `${name}@${alias}` : reference} />
                  )}
                </div>
                <div className={classes['stack']}>
                  <NotesPanel key={reference} version={version} />
                  {BARE_FORMATS.includes(version.format) && (
                    <ArchitecturePanel key={reference} version={version} />
                  )}
                  <AboutPanel version={version} />
                  <RecentRuns model={name} />
                  <FilesPanel version={version} />
                </div>
              </div>
            </div>
          )}
          {tab === 'tensors' && (
            <div className={classes['beside']}>
              <div className={classes['besideList']}>{timeline}</div>
              <TensorsTab key={reference} version={version} />
            </div>
          )}
          {tab === 'benchmarks' && <BenchmarksTab asked={benchmarks} />}
          {tab === 'compare' && (
            <CompareTab
              model={name}
              versions={versions}
              pair={chosenPair(model, number, place)}
              benchmarks={benchmarks}
              onPair={(pair) => goTo(name, { ...here, ...pair })}
            />
          )}
          {tab === 'lineage' && <LineageTab model={name} version={number} />}
        </Tabs.Panel>
      </Tabs>
      <AliasDialog model={model} draft={draft} onClose={() => setDraft(null)} />
      <CanaryDialog model={model} start={trial} onClose={() => setTrial(null)} />
    </Page>
  )
}
