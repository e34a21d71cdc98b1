import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import type { ModelVersion } from '@shared/contract'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { Attention } from '../../components'
import { getClient } from '../../lib/client'
import { phraseWords } from '../../lib/words'
import { useAsked } from '../jobs'
import { FORMAT_NAMES } from './about'
import { CONVERSIONS, type Runnable, runnableHere } from './conversions'
import classes from './models.module.css'

/** Whether a version can run here; null until the runtimes have answered, or where one may not ask. */
export function useRunnable(version: ModelVersion | null): Runnable | null {
  const ask = useCallback(
    async (signal: AbortSignal) => (await getClient().compute.runtimes.list({}, { signal })).items,
    [],
  )
  const { value } = useAsked(ask)
  return value && version ? runnableHere(version, value) : null
}

function Command({ text }: { text: string }) {
  const { t } = useTranslation(['models', 'common'])
  return (
    <div className={classes['command']}>
      <code>{text}</code>
      <CopyButton value={text} timeout={1500}>
        {({ copied, copy }) => (
          <Tooltip label={t(copied ? 'common:copied' : 'common:copy')}>
            <ActionIcon size={22} aria-label={t('common:copyId', { id: text })} onClick={copy}>
              {copied ? <IconCheck size={14} stroke={1.6} /> : <IconCopy size={14} stroke={1.6} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  )
}

/** Why a version cannot run on this machine, and what would make it run. */
export function WhyNot({ version, runnable }: { version: ModelVersion; runnable: Runnable }) {
  const { t } = useTranslation('models')
  if (runnable.can) return null
  const format = FORMAT_NAMES[version.format]
  const commands = runnable.lacks === 'architecture' ? [] : (CONVERSIONS[version.format] ?? [])
  const why =
    runnable.lacks === 'architecture'
      ? t('whyNot.architecture')
      : runnable.lacks === 'runtime'
        ? t('whyNot.runtime', { name: runnable.name, reason: phraseWords(runnable.reason) })
        : t('whyNot.format', { format })
  return (
    <Attention>
      <div>
        <strong>{t('whyNot.title')}</strong> {why}{' '}
        {commands.length > 0
          ? t('whyNot.convert', { count: commands.length })
          : version.format === 'pickle'
            ? t('whyNot.pickle')
            : null}
      </div>
      {commands.map((command) => (
        <Command key={command} text={command} />
      ))}
    </Attention>
  )
}
