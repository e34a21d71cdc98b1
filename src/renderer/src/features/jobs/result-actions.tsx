import { Button } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import type { JobResult } from '@shared/contract'
import { IconCheck, IconCopy, IconDownload } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import classes from './jobs.module.css'
import { saveText } from './save-text'

/** The whole of a result as JSON, made when it is asked for: it may be tens of megabytes. */
export function ResultActions({ result }: { result: JobResult }) {
  const { t } = useTranslation('jobs')
  const { copied, copy } = useClipboard({ timeout: 1500 })
  // The browser says where it lies, or asks.
  const save = () => saveText(`${result.job}.json`, JSON.stringify(result, null, 2))
  return (
    <div className={classes['actions']}>
      <Button
        variant="default"
        leftSection={copied ? <IconCheck size={15} stroke={1.6} /> : <IconCopy size={15} stroke={1.6} />}
        onClick={() => copy(JSON.stringify(result))}
      >
        {copied ? t('result.copied') : t('result.copy')}
      </Button>
      <Button variant="default" leftSection={<IconDownload size={15} stroke={1.6} />} onClick={save}>
        {t('result.save')}
      </Button>
    </div>
  )
}
