import { ActionIcon, Button, CopyButton, Tooltip } from '@mantine/core'
import { modals } from '@mantine/modals'
import type { ModelVersion } from '@shared/contract'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Attention } from '../../../components'
import { getClient } from '../../../lib/client'
import { useSystemInfo } from '../../../lib/stores'
import { apiRoot, callSnippet, writes } from '../../models/curl'
import classes from '../access.module.css'

export interface NewKey {
  name: string
  key: string
  /** A model that the key may run, as `name` or `name@alias`; its command is shown. */
  model: string | null
}

/** A model that the key may run, as it is called. */
interface Callable {
  reference: string
  version: ModelVersion
}

async function callable(model: string): Promise<Callable> {
  const [name = model, selector] = model.split('@', 2)
  const summary = await getClient().storage.models.get({ name })
  const alias = summary.aliases.find((candidate) => candidate.alias === selector)
  const number = alias?.version ?? (selector && /^\d+$/.test(selector) ? Number(selector) : summary.latest)
  const version = await getClient().storage.models.version({ name, version: number })
  return { reference: selector === undefined ? `${name}@${number}` : model, version }
}

/** A key, shown this once, with a command to try it. */
export function KeyShown({
  made,
  onDone,
  onCopied,
}: {
  made: NewKey
  onDone: () => void
  onCopied: () => void
}) {
  const { t } = useTranslation(['access', 'models'])
  const apiUrl = useSystemInfo((state) => state.value?.apiUrl)
  const [run, setRun] = useState<Callable | null>(null)
  useEffect(() => {
    if (made.model === null) return
    let gone = false
    const show = (value: typeof run) => {
      if (!gone) setRun(value)
    }
    // The other command serves as well.
    callable(made.model).then(show, () => show(null))
    return () => {
      gone = true
    }
  }, [made.model])

  return (
    <div className={classes['form']}>
      <Attention>{t('shown.warning', { name: made.name })}</Attention>
      <div className={classes['secret']}>
        <code className={classes['secretText']}>{made.key}</code>
        <CopyButton value={made.key}>
          {({ copied, copy }) => (
            <Button
              data-autofocus
              leftSection={
                copied ? <IconCheck size={15} stroke={1.6} /> : <IconCopy size={15} stroke={1.6} />
              }
              onClick={() => {
                copy()
                onCopied()
              }}
            >
              {copied ? t('shown.copied') : t('shown.copy')}
            </Button>
          )}
        </CopyButton>
      </div>
      {apiUrl ? (
        <TryIt apiUrl={apiUrl} keyText={made.key} run={run} onCopied={onCopied} />
      ) : (
        <div className={classes['small']}>{t('models:call.off')}</div>
      )}
      <div className={classes['footer']}>
        <Button variant="default" onClick={onDone}>
          {t('shown.done')}
        </Button>
      </div>
    </div>
  )
}

/** A command to try a key with: it runs the model that the key is for, or lists jobs. */
function TryIt(props: { apiUrl: string; keyText: string; run: Callable | null; onCopied: () => void }) {
  const { t } = useTranslation('access')
  const { apiUrl, keyText, run, onCopied } = props
  const work = run
    ? callSnippet(apiUrl, run.reference, run.version)
    : `curl -s ${apiRoot(apiUrl)}/api/jobs -H "Authorization: Bearer $KEY"`
  const command = `KEY='${keyText.replaceAll("'", "'\\''")}'\n\n${work}`
  const note = !run ? 'shown.tryText' : writes(run.version) ? 'shown.tryGenerateText' : 'shown.tryRunText'
  return (
    <div className={classes['preview']}>
      <div className={classes['previewHead']}>
        <span>{run ? t('shown.tryRun', { model: run.reference }) : t('shown.try')}</span>
        <CopyButton value={command}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? t('shown.copied') : t('shown.copyCurl')}>
              <ActionIcon
                aria-label={t('shown.copyCurl')}
                onClick={() => {
                  copy()
                  onCopied()
                }}
              >
                {copied ? <IconCheck size={16} stroke={1.6} /> : <IconCopy size={16} stroke={1.6} />}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre className={classes['code']} tabIndex={0}>
        {command}
      </pre>
      <div className={classes['small']}>{t(note)}</div>
    </div>
  )
}

/** Asks before a key that was not copied is gone for good. */
export function confirmUncopied(
  words: { title: string; text: string; close: string; cancel: string },
  close: () => void,
): void {
  modals.openConfirmModal({
    title: words.title,
    children: words.text,
    labels: { confirm: words.close, cancel: words.cancel },
    confirmProps: { color: 'red.8' },
    onConfirm: close,
  })
}
