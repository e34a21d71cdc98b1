import { Anchor, Button, Divider, Switch, TextInput } from '@mantine/core'
import { IconDownload, IconFile, IconFolder, IconPackageImport } from '@tabler/icons-react'
import { type FormEvent, useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { SubmitButton } from '../../components'
import { getClient } from '../../lib/client'
import { toErrorView } from '../../lib/errors'
import {
  asksForReview,
  chooseAndImport,
  importDropped,
  setAsksForReview,
  useTaskCentre,
} from '../../lib/imports'
import { RouteLink } from '../../lib/router'
import { useAsked } from '../jobs'
import classes from './imports.module.css'
import { useImportDialog } from './store'

/** Files, a folder, or an address of the Hub. */
export function StartDialog() {
  const { t } = useTranslation('imports')
  const close = useImportDialog((state) => state.close)
  const [review, setReview] = useState(() => asksForReview('chosen'))
  const [reviewDrops, setReviewDrops] = useState(() => asksForReview('dropped'))
  const [over, setOver] = useState(false)
  const icon = { size: 15, stroke: 1.6 }
  return (
    <div className={classes['form']}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a place to drop on; the buttons in it do the same */}
      <div
        className={classes['drop']}
        data-own-drop
        data-over={over || undefined}
        onDragEnter={() => setOver(true)}
        onDragLeave={(event) => {
          if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false)
        }}
        onDrop={(event) => {
          event.preventDefault()
          void importDropped(event.dataTransfer, { review })
          close()
        }}
      >
        <IconPackageImport size={30} stroke={1.4} aria-hidden="true" />
        <strong>{t('dropHere')}</strong>
        <span>{t('formats')}</span>
        <div className={classes['buttons']}>
          <Button
            variant="default"
            leftSection={<IconFile {...icon} />}
            onClick={() => chooseAndImport('file', { review }, close)}
            data-autofocus
          >
            {t('chooseFiles')}
          </Button>
          <Button
            variant="default"
            leftSection={<IconFolder {...icon} />}
            onClick={() => chooseAndImport('folder', { review }, close)}
          >
            {t('chooseFolder')}
          </Button>
        </div>
      </div>
      <Switch
        label={t('reviewFirst')}
        description={t('reviewFirstText')}
        checked={review}
        onChange={(event) => {
          setReview(event.currentTarget.checked)
          setAsksForReview('chosen', event.currentTarget.checked)
        }}
      />
      <Switch
        label={t('reviewDrops')}
        checked={reviewDrops}
        onChange={(event) => {
          setReviewDrops(event.currentTarget.checked)
          setAsksForReview('dropped', event.currentTarget.checked)
        }}
      />
      <Divider label={t('orHub')} labelPosition="left" />
      <HubForm review={review} />
    </div>
  )
}

/** `*.gguf, config.json` as the patterns it names. */
function patternsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((pattern) => pattern !== '')
}

function HubForm({ review }: { review: boolean }) {
  const { t } = useTranslation('imports')
  const close = useImportDialog((state) => state.close)
  const [address, setAddress] = useState('')
  const [patterns, setPatterns] = useState('')
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const askHub = useCallback(
    async (signal: AbortSignal) => (await getClient().system.settings.get(undefined, { signal })).hubUrl,
    [],
  )
  const hub = useAsked(askHub).value

  async function submit(): Promise<void> {
    setBusy(true)
    setError(null)
    try {
      const files = patternsOf(patterns)
      await getClient().storage.imports.startHub({
        repository: address.trim(),
        review,
        ...(files.length > 0 && { files }),
      })
      close()
      useTaskCentre.getState().setOpened(true)
    } catch (refused) {
      const view = toErrorView(refused)
      setError(view.details['field'] === 'repository' ? t('hubInvalid') : view.message)
    } finally {
      setBusy(false)
    }
  }
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    void submit()
  }
  return (
    <form className={classes['form']} onSubmit={onSubmit}>
      <TextInput
        label={t('hubAddress')}
        placeholder="hf-internal-testing/tiny-random-gpt2"
        value={address}
        maxLength={300}
        error={error}
        onChange={(event) => {
          setAddress(event.currentTarget.value)
          setError(null)
        }}
      />
      <div className={classes['hub']}>
        <TextInput
          label={t('hubFiles')}
          placeholder="*Q4_K_M.gguf"
          value={patterns}
          onChange={(event) => setPatterns(event.currentTarget.value)}
        />
        <SubmitButton
          busy={busy}
          disabled={address.trim() === ''}
          leftSection={<IconDownload size={15} stroke={1.6} />}
        >
          {t('download')}
        </SubmitButton>
      </div>
      {hub !== null && (
        <div className={classes['quiet']}>
          {t('hubFrom', { hub })}{' '}
          <Anchor component={RouteLink} to="/settings" size="xs" underline="always" onClick={close}>
            {t('hubChange')}
          </Anchor>
        </div>
      )}
    </form>
  )
}
