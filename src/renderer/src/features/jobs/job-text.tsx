import type { Job } from '@shared/contract'
import { isTerminal } from '@shared/domain/job-state'
import { useCallback, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { getClient } from '../../lib/client'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { followTexts } from './follow-texts'
import classes from './jobs.module.css'
import { useAsked } from './use-asked'

/** What a language model has written so far, text by text; it grows while the job runs. */
export function useJobTexts(id: string): string[] {
  const [texts, setTexts] = useState<string[]>([])
  useEffect(
    () => followTexts((client, signal) => client.compute.jobs.text({ id }, { signal }), setTexts),
    [id],
  )
  return texts
}

/** The texts of a job as they grow. */
export function JobText({ job }: { job: Job }) {
  const texts = useJobTexts(job.id)
  const writes = !isTerminal(job.state)
  return texts.map((text, i) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a text has nothing but its place
    <div key={i} className={classes['text']}>
      {text}
      {writes && <span className={classes['caret']} aria-hidden="true" />}
    </div>
  ))
}

/** How much was written, how fast, and why it ended. */
export function TextFigures({ job: { id } }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const ask = useCallback(
    (signal: AbortSignal) => getClient().compute.jobs.result({ id, waitMs: 0 }, { signal }),
    [id],
  )
  const { value: result } = useAsked(ask)
  const locale = localeOf(useLanguage((state) => state.language))
  if (!result) return null
  const tokens = result.completions
    ? result.completions.reduce((sum, completion) => sum + completion.tokens, 0)
    : (result.tokens ?? 0)
  const seconds = result.timings.computeMs / 1000
  const parts = [
    t('result.tokens', { count: tokens, value: formatNumber(tokens, locale) }),
    ...(seconds > 0
      ? [t('result.tokensPerSecond', { value: formatNumber(tokens / seconds, locale, 1) })]
      : []),
    t('result.promptTokens', { value: formatNumber(result.promptTokens ?? 0, locale) }),
    ...(result.finishReason ? [t(`result.finish.${result.finishReason}`)] : []),
  ]
  return <div className={classes['aside']}>{parts.join(' · ')}</div>
}
