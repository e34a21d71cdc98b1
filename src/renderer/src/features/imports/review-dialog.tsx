import { Autocomplete, Button, NumberInput } from '@mantine/core'
import type { Import } from '@shared/contract'
import { ModelName } from '@shared/domain/references'
import { type FormEvent, type ReactNode, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Attention, BusyButton, StateDot, SubmitButton } from '../../components'
import { getClient } from '../../lib/client'
import { toErrorView } from '../../lib/errors'
import { formatBytes } from '../../lib/format'
import { RouteLink } from '../../lib/router'
import { useDatasets, useImports, useModels } from '../../lib/stores'
import { FindingList } from './finding-list'
import classes from './imports.module.css'
import { madeFromOf } from './made-from'
import { MadeFromField } from './made-from-field'
import { openImport, reviewImport, useImportDialog } from './store'
import { becomes, helpFor, knownElsewhere, landing, reasonOf } from './words'

/** The next import that waits for an answer, oldest first. */
function nextWaiting(without: string): string | null {
  const waiting = [...useImports.getState().items.values()]
    .filter(({ id, state }) => state === 'waiting' && id !== without)
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
  return waiting[0]?.id ?? null
}

function Summary({ item }: { item: Import }) {
  const { t } = useTranslation('imports')
  return (
    <div>
      <div className={classes['source']}>
        <bdi>{item.source}</bdi>
      </div>
      <div className={classes['quiet']}>
        {[item.kind && t(`kind.${item.kind}`), item.bytesTotal > 0 && formatBytes(item.bytesTotal)]
          .filter(Boolean)
          .join(' · ')}
      </div>
    </div>
  )
}

function HelpList({ item }: { item: Import }) {
  const { t } = useTranslation('imports')
  const help = helpFor(item)
  if (help.length === 0) return null
  return (
    <section>
      <h3 className={classes['sectionTitle']}>{t('helpTitle')}</h3>
      <ul className={classes['help']}>
        {help.map((key) => (
          <li key={key}>{t(`help.${key}`)}</li>
        ))}
      </ul>
    </section>
  )
}

/** What an import waits for: the decision about its warnings, and the name it gets. */
function WaitingForm({ item }: { item: Import }) {
  const { t } = useTranslation('imports')
  const close = useImportDialog((state) => state.close)
  const models = useModels((state) => state.items)
  const datasets = useDatasets((state) => state.items)
  const { suggestion } = item
  const [name, setName] = useState(suggestion?.name ?? '')
  const [typedVersion, setVersion] = useState<number | null>(null)
  const [typedFamily, setFamily] = useState<string | null>(null)
  const [origins, setOrigins] = useState<string[]>([])
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState<'confirm' | 'discard' | null>(null)
  const families = useMemo(
    () => [...new Set([...models.values()].flatMap((model) => model.family ?? []))].sort(),
    [models],
  )
  const family = typedFamily ?? models.get(name)?.family ?? suggestion?.family ?? ''
  const valid = ModelName.safeParse(name).success
  const isModel = item.kind !== 'dataset'
  const known = isModel ? models : datasets
  const outcome = suggestion && valid ? becomes(name, suggestion, known.get(name)) : null
  const isNew = outcome?.kind === 'new'
  const version = isNew ? (typedVersion ?? outcome.version) : null
  const latest = known.get(name)?.latest ?? 0
  const free = version === null || version > latest
  const elsewhere = suggestion && valid ? knownElsewhere(name, suggestion) : null

  async function answer(kind: 'confirm' | 'discard'): Promise<void> {
    setBusy(kind)
    setError(null)
    const { id } = item
    const { imports } = getClient().storage
    try {
      if (kind === 'discard') await imports.cancel({ id })
      else
        await imports.confirm({
          id,
          name,
          // Under another name only the system knows which number is the next.
          ...(version !== null && (typedVersion !== null || name === suggestion?.name) && { version }),
          ...(origins.length > 0 && { madeFrom: madeFromOf(origins) }),
          ...(isModel && { family: family.trim() || null }),
        })
      const next = nextWaiting(id)
      if (next) reviewImport(next)
      else close()
    } catch (refused) {
      setError(toErrorView(refused).message)
      setBusy(null)
    }
  }
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    if (valid && free) void answer('confirm')
  }
  const warned = item.verdict === 'warn'
  return (
    <form className={classes['form']} onSubmit={onSubmit}>
      <Summary item={item} />
      {warned && <Attention>{t('decide')}</Attention>}
      {item.findings.length > 0 && <FindingList findings={item.findings} />}
      {warned && <HelpList item={item} />}
      <div className={classes['names']}>
        <Autocomplete
          size="xs"
          label={t('name')}
          description={t('nameText')}
          data={[...known.keys()].sort()}
          maxLength={64}
          value={name}
          error={error ?? (valid ? undefined : t('nameInvalid'))}
          onChange={(value) => {
            setName(value.toLowerCase())
            setVersion(null)
            setError(null)
          }}
          data-autofocus={!warned || undefined}
        />
        <NumberInput
          className={classes['number'] ?? ''}
          size="xs"
          label={t('version')}
          description={t('versionText')}
          min={latest + 1}
          maxLength={8}
          allowDecimal={false}
          allowNegative={false}
          clampBehavior="none"
          disabled={!isNew}
          value={version ?? outcome?.version ?? ''}
          error={free ? undefined : t('versionInvalid', { latest })}
          onChange={(value) => {
            setVersion(typeof value === 'number' ? value : null)
            setError(null)
          }}
        />
        {isModel && (
          <Autocomplete
            size="xs"
            label={t('family')}
            description={t('familyText')}
            data={families}
            maxLength={64}
            value={family}
            onChange={setFamily}
          />
        )}
      </div>
      <details className={classes['more']}>
        <summary>{t('more')}</summary>
        <MadeFromField value={origins} onChange={setOrigins} />
      </details>
      <div className={classes['becomes']} aria-live="polite">
        {outcome && free && (
          <StateDot
            state={outcome.kind === 'known' ? 'info' : 'ok'}
            label={t(`becomes.${outcome.kind}`, { name, version: version ?? outcome.version })}
          />
        )}
      </div>
      {elsewhere && <div className={classes['quiet']}>{t('knownElsewhere', { versions: elsewhere })}</div>}
      <div className={classes['foot']}>
        <BusyButton
          variant="subtle"
          color="red"
          busy={busy === 'discard'}
          disabled={busy === 'confirm'}
          onClick={() => void answer('discard')}
        >
          {t('discard')}
        </BusyButton>
        <Button variant="default" onClick={close}>
          {t('later')}
        </Button>
        <SubmitButton busy={busy === 'confirm'} disabled={!valid || !free || busy === 'discard'}>
          {t(warned ? 'importAnyway' : 'add')}
        </SubmitButton>
      </div>
      {warned && <div className={classes['quiet']}>{t('recorded')}</div>}
    </form>
  )
}

/** How an import ended, what was found, and what would help. */
function Ended({ item }: { item: Import }) {
  const { t } = useTranslation(['imports', 'common'])
  const close = useImportDialog((state) => state.close)
  const became = landing(item)
  const bad = item.state === 'rejected' || item.state === 'failed'
  const words: ReactNode = became
    ? t(item.known ? 'wasKnown' : 'isReady', became)
    : bad
      ? t(`ended.${item.state === 'failed' ? 'failed' : 'rejected'}`)
      : t('ended.cancelled')
  return (
    <div className={classes['form']}>
      <Summary item={item} />
      <Attention tone={bad ? 'failed' : 'waiting'}>
        {words} {item.state === 'failed' && <bdi>{reasonOf(item)}</bdi>}
      </Attention>
      {item.findings.length > 0 && <FindingList findings={item.findings} />}
      {bad && <HelpList item={item} />}
      <div className={classes['foot']}>
        {bad && (
          <Button variant="default" onClick={openImport}>
            {t('tryAnother')}
          </Button>
        )}
        <Button variant={became ? 'default' : 'filled'} onClick={close} data-autofocus>
          {t('common:close')}
        </Button>
        {became && (
          <Button component={RouteLink} to={became.to} onClick={close}>
            {t('common:open')}
          </Button>
        )}
      </div>
    </div>
  )
}

/** One import: what waits is decided here, what ended is explained. */
export function ReviewDialog({ id }: { id: string }) {
  const { t } = useTranslation('imports')
  const item = useImports((state) => state.items.get(id))
  if (!item) return <div className={classes['quiet']}>{t('gone')}</div>
  if (item.state === 'waiting') return <WaitingForm key={id} item={item} />
  if (item.state === 'running') return <div className={classes['quiet']}>{t('stillRunning')}</div>
  return <Ended item={item} />
}
