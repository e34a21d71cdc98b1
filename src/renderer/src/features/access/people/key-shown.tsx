import { ActionIcon, Button, CopyButton, Tooltip } from '@mantine/core'
import { modals } from '@mantine/modals'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Attention } from '../../../components'
import { getClient } from '../../../lib/client'
import { useSystemInfo } from '../../../lib/stores'
import { curlSnippet } from '../../models/curl'
import classes from '../access.module.css'

export interface NewKey {
  name: string
  key: string
  /** A model that the key may run, as `name` or `name@alias`; its command is shown. */
  model: string | null
}

function apiRoot(url: string | null | undefined): string {
  return (url ?? 'http://127.0.0.1:7440').replace(/\/+$/, '').replace(/\/api$/, '')
}

/** The command that runs a model, once its signature is known; null before, and where it can not be read. */
async function runCommand(
  root: string,
  model: string,
): Promise<{ reference: string; command: string } | null> {
  const [name = model, selector] = model.split('@', 2)
  const summary = await getClient().storage.models.get({ name })
  const alias = summary.aliases.find((candidate) => candidate.alias === selector)
  const version = alias?.version ?? (selector && /^\d+$/.test(selector) ? Number(selector) : summary.latest)
  const { signature } = await getClient().storage.models.version({ name, version })
  const reference = selector === undefined ? `${name}@${version}` : model
  return { reference, command: curlSnippet(root, reference, signature) }
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
  const { t } = useTranslation('access')
  const root = apiRoot(useSystemInfo((state) => state.value?.apiUrl))
  const [run, setRun] = useState<Awaited<ReturnType<typeof runCommand>>>(null)
  useEffect(() => {
    if (made.model === null) return
    let gone = false
    const show = (value: typeof run) => {
      if (!gone) setRun(value)
    }
    // The other command serves as well.
    runCommand(root, made.model).then(show, () => show(null))
    return () => {
      gone = true
    }
  }, [made.model, root])
  const list = `curl -s ${root}/api/jobs -H "Authorization: Bearer $KEY"`
  const command = `KEY='${made.key.replaceAll("'", "'\\''")}'\n\n${run?.command ?? list}`

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
        <div className={classes['small']}>{run ? t('shown.tryRunText') : t('shown.tryText')}</div>
      </div>
      <div className={classes['footer']}>
        <Button variant="default" onClick={onDone}>
          {t('shown.done')}
        </Button>
      </div>
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
