import { Badge, Button } from '@mantine/core'
import { modals } from '@mantine/modals'
import { notifications } from '@mantine/notifications'
import type { Model, ModelVersion } from '@shared/contract'
import { IconArrowsDiff, IconMoodEmpty, IconPlayerPlay } from '@tabler/icons-react'
import { useCallback, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Attention, EmptyState, ErrorState, Page } from '../../components'
import { getClient } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { navigate, pathTo, useRoute } from '../../lib/router'
import { useModels } from '../../lib/stores'
import { RunForm, useAsked } from '../jobs'
import { FORMAT_NAMES } from './about'
import { AliasDialog, type AliasDraft } from './alias-dialog'
import { AliasHistory } from './alias-history'
import { CompareDialog } from './compare-dialog'
import classes from './models.module.css'
import { LatencyPanel, RecentRuns } from './runs-panels'
import { AboutPanel, CallPanel, FilesPanel, SignaturePanel } from './version-panels'
import { VersionsPanel } from './versions-panel'

/** A model with its versions, asked for again whenever the list says that it changed. */
function useModelPage(name: string) {
  const summary = useModels((state) => state.items.get(name))
  const ask = useCallback(
    async (signal: AbortSignal) => {
      const { models } = getClient().storage
      const [model, versions] = await Promise.all([
        models.get({ name }, { signal }),
        models.versions({ name }, { signal }),
      ])
      return { model, versions: versions.items }
    },
    [name],
  )
  const asked = useAsked(ask)
  const { again } = asked
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new summary means that something of the model changed
  useEffect(() => again(), [summary, again])
  return asked
}

/** The version a link names, else production, else the latest. */
function chosenVersion(model: Model, versions: readonly ModelVersion[], asked: string | undefined) {
  const production = model.aliases.find(({ alias }) => alias === 'production')?.version
  const find = (number: number | undefined) => versions.find(({ version }) => version === number)
  return (
    (asked === undefined ? undefined : find(Number(asked))) ??
    find(production) ??
    find(model.latest) ??
    versions[0]
  )
}

/** One model: its versions at the left, all about the chosen one beside them. */
export function ModelPage({ name }: { name: string }) {
  const { t } = useTranslation(['models', 'common'])
  const { params, query } = useRoute()
  const { value, error, again } = useModelPage(name)
  const [draft, setDraft] = useState<AliasDraft | null>(null)
  const [pair, setPair] = useState<{ from: number; to: number } | null>(null)
  const [refusal, setRefusal] = useState<{ version: number; error: ErrorView } | null>(null)
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
  const version = value && chosenVersion(value.model, value.versions, params.version)
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
  const reference = `${name}@${number}`
  const alias = version.aliases.includes('production') ? 'production' : version.aliases[0]
  const run = (which: number) =>
    navigate(`${pathTo('models', name, which)}?run`, { replace: which === number })
  const others = model.versions.filter((other) => other !== number).sort((a, b) => b - a)
  const compare = (which: number) => {
    const other = model.versions.filter((candidate) => candidate !== which).sort((a, b) => b - a)
    const before = other.find((candidate) => candidate < which) ?? other[0]
    if (before !== undefined) setPair({ from: Math.min(before, which), to: Math.max(before, which) })
  }

  async function remove(which: number): Promise<void> {
    setRefusal(null)
    try {
      await getClient().storage.models.removeVersion({ name, version: which })
      notifications.show({ message: t('remove.done', { version: which }), withBorder: true })
      if (model.versions.length === 1) navigate('/models', { replace: true })
      else {
        if (which === number) navigate(pathTo('models', name), { replace: true })
        again()
      }
    } catch (refused) {
      setRefusal({ version: which, error: toErrorView(refused) })
    }
  }
  const askToRemove = (which: number) =>
    modals.openConfirmModal({
      title: t('remove.title', { version: which }),
      children: t('remove.text'),
      labels: { confirm: t('remove.confirm', { version: which }), cancel: t('common:cancel') },
      confirmProps: { color: 'red' },
      onConfirm: () => void remove(which),
    })

  const running = query.has('run')
  return (
    <Page
      parent={parent}
      title={name}
      note={<Badge>{FORMAT_NAMES[version.format]}</Badge>}
      actions={
        <>
          {others.length > 0 && (
            <Button
              variant="default"
              leftSection={<IconArrowsDiff size={15} stroke={1.6} />}
              onClick={() => compare(number)}
            >
              {t('compare')}
            </Button>
          )}
          <Button leftSection={<IconPlayerPlay size={15} stroke={1.6} />} onClick={() => run(number)}>
            {t('run')}
          </Button>
        </>
      }
      detail={
        running && (
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
      onCloseDetail={() => navigate(pathTo('models', name, number), { replace: true })}
    >
      {refusal && (
        <Attention
          tone="failed"
          actions={
            <Button variant="default" onClick={() => setRefusal(null)}>
              {t('remove.dismiss')}
            </Button>
          }
        >
          <strong>{t('remove.refused', { version: refusal.version })}.</strong> {refusal.error.message}
        </Attention>
      )}
      <div className={classes['container']}>
        <div className={classes['grid']}>
          <div className={classes['stack']}>
            <VersionsPanel
              model={model}
              versions={versions}
              selected={number}
              actions={{ onAlias: setDraft, onRun: run, onCompare: compare, onDelete: askToRemove }}
            />
            <AliasHistory model={model} />
          </div>
          <div className={classes['stack']}>
            <SignaturePanel version={version} />
            <LatencyPanel model={name} />
            <CallPanel version={version} reference={alias ? `${name}@${alias}` : reference} />
          </div>
          <div className={classes['stack']}>
            <AboutPanel version={version} />
            <RecentRuns model={name} />
            <FilesPanel version={version} />
          </div>
        </div>
      </div>
      <AliasDialog model={model} draft={draft} onClose={() => setDraft(null)} />
      <CompareDialog model={model} pair={pair} onClose={() => setPair(null)} />
    </Page>
  )
}
