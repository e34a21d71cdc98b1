import { Button } from '@mantine/core'
import type { AuditRecord, Import } from '@shared/contract'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Attention } from '../../components'
import { useNow } from '../../lib/clock'
import { useList } from '../../lib/live'
import { readSetting, writeSetting } from '../../lib/local-settings'
import { navigate, pathTo } from '../../lib/router'
import { useAudit, useImports, useSystemInfo } from '../../lib/stores'
import { codedWords, phraseWords } from '../../lib/words'
import { accessPath } from '../access/routes'
import { useDenialWords } from '../activity'
import { reviewImport } from '../imports'
import classes from './overview.module.css'

const isWaiting = (item: Import) => item.state === 'waiting'
const newestFirst = (a: { at: string }, b: { at: string }) => (a.at < b.at ? 1 : -1)
const isDenial = (record: AuditRecord) => record.decision === 'deny'
const DENIALS_FOR_MS = 3_600_000

/** What needs a person, before all else: imports that ask, denials not looked at, problems of the machine. */
export function NeedsPerson() {
  const waiting = useList(useImports, undefined, isWaiting)
  const problems = useSystemInfo((state) => state.value?.problems)
  return (
    <div className={classes['attentions']}>
      {waiting.map((item) => (
        <WaitingImport key={item.id} item={item} />
      ))}
      <Denials />
      {problems?.map((problem) => (
        <Problem key={problem} text={problem} />
      ))}
    </div>
  )
}

function WaitingImport({ item }: { item: Import }) {
  const { t } = useTranslation(['overview', 'imports'])
  const warnings = item.findings.filter((finding) => finding.severity !== 'info')
  return (
    <Attention
      actions={
        <Button size="compact-sm" fz="xs" onClick={() => reviewImport(item.id)}>
          {t('imports:review')}
        </Button>
      }
    >
      <strong>
        {warnings.length > 0
          ? t('overview:asks', { source: item.source, count: warnings.length })
          : t('overview:asksName', { source: item.source })}
      </strong>{' '}
      {warnings.map((finding) => codedWords(finding)).join(' ')}
    </Attention>
  )
}

function Denials() {
  const { t } = useTranslation('overview')
  const [seenAt, setSeenAt] = useState(() => readSetting('denials-seen') ?? '')
  const denials = useList(useAudit, newestFirst, isDenial)
  const hour = Math.floor(useNow() / 60_000) * 60_000 - DENIALS_FOR_MS
  const recent = useMemo(
    () => denials.filter((record) => record.at > seenAt && Date.parse(record.at) > hour),
    [denials, seenAt, hour],
  )
  const wordsOf = useDenialWords()
  const [newest] = recent
  if (!newest) return null
  const { what, why } = wordsOf(newest)
  const dismiss = () => {
    setSeenAt(newest.at)
    writeSetting('denials-seen', newest.at)
  }
  return (
    <Attention
      tone="failed"
      actions={
        <>
          <Button size="compact-sm" fz="xs" variant="default" onClick={dismiss}>
            {t('dismiss')}
          </Button>
          <Button size="compact-sm" fz="xs" variant="default" onClick={() => navigate('/activity')}>
            {t('seeActivity')}
          </Button>
        </>
      }
    >
      <strong>
        {newest.principalName} {what}
      </strong>
      {` · ${why}`}
      {recent.length > 1 && ` (${t('deniedMore', { count: recent.length - 1 })})`}
    </Attention>
  )
}

/** Where a person can do something about a problem, by how its sentence begins. */
const PLACES = [
  { begin: 'Port ', label: 'seeSettings', to: pathTo('settings') },
  { begin: 'The stored policy ', label: 'seePolicies', to: accessPath({ tab: 'policies' }) },
] as const

function Problem({ text }: { text: string }) {
  const { t } = useTranslation('overview')
  const place = PLACES.find(({ begin }) => text.startsWith(begin))
  return (
    <Attention
      actions={
        place && (
          <Button size="compact-sm" fz="xs" variant="default" onClick={() => navigate(place.to)}>
            {t(place.label)}
          </Button>
        )
      }
    >
      {phraseWords(text)}
    </Attention>
  )
}
