import type { AuditRecord } from '@shared/contract'
import { isAction } from '@shared/domain/actions'
import type { TFunction } from 'i18next'
import { type Column, Mono, RelativeTime, StateDot, TwoLines } from '../../components'
import { phraseWords } from '../../lib/words'
import { parseUid } from '../access/cedar/uid'
import { PolicyLink } from '../access/policy-link'
import { actionWords, attemptWords } from '../access/policy-words'
import classes from './activity.module.css'
import { reasonOf, sentenceOf } from './records'

/** An action in words of its own: what a person does without being a principal's right has its own. */
export function wordsOfAction(t: TFunction<'activity'>, access: TFunction<'access'>, action: string): string {
  return action === 'sign-in' ? t('signIn') : actionWords(access, action)
}

/** Why a record is a denial, in a few words. */
export function denialWords(t: TFunction<'activity'>, record: AuditRecord): string {
  if (record.policies.length > 0) return t('forbiddenBy', { policies: record.policies.join(', ') })
  const reason = reasonOf(record)
  return reason.kind === 'nothing' ? t('noPolicy') : phraseWords(reason.words)
}

function What(props: { record: AuditRecord; t: TFunction<'activity'>; access: TFunction<'access'> }) {
  const { record, t, access } = props
  const { action, resource, summary } = record
  if (record.decision === 'deny' && isAction(action)) {
    const what = attemptWords(access, action, parseUid(resource))
    return (
      <TwoLines
        first={<span title={summary}>{t('denied', { what })}</span>}
        second={denialWords(t, record)}
        tone="failed"
      />
    )
  }
  return (
    <TwoLines
      first={<span title={summary}>{phraseWords(sentenceOf(record))}</span>}
      second={`${wordsOfAction(t, access, action)} · ${t(`via.${record.via}`)}`}
    />
  )
}

/** The columns of the log: when, who, what, about what, yes or no, and who decided. */
export function recordColumns(t: TFunction<'activity'>, access: TFunction<'access'>): Column<AuditRecord>[] {
  return [
    { key: 'time', header: t('column.time'), width: '92px', render: ({ at }) => <RelativeTime at={at} /> },
    {
      key: 'who',
      header: t('column.who'),
      width: 'minmax(72px, 0.7fr)',
      render: ({ principalName, principal }) => (
        <span className={classes['who']} title={principal}>
          {principalName}
        </span>
      ),
    },
    {
      key: 'what',
      header: t('column.what'),
      width: 'minmax(110px, 2.4fr)',
      render: (record) => <What record={record} t={t} access={access} />,
    },
    {
      key: 'resource',
      header: t('column.resource'),
      width: 'minmax(120px, 1.1fr)',
      hideBelow: 860,
      render: ({ resource }) => (
        <Mono dimmed title={resource}>
          {resource}
        </Mono>
      ),
    },
    {
      key: 'decision',
      header: t('column.decision'),
      width: '80px',
      render: ({ decision }) => <StateDot state={decision} />,
    },
    {
      key: 'policies',
      header: t('column.policies'),
      width: 'minmax(110px, 0.9fr)',
      // What was done needs the room more; who decided is in the detail.
      hideBelow: 720,
      render: ({ policies }) => {
        const [first, ...rest] = policies
        if (first === undefined) return <span className={classes['dim']}>–</span>
        return (
          <span>
            <PolicyLink statement={first} />
            {rest.length > 0 && <span className={classes['dim']}> +{rest.length}</span>}
          </span>
        )
      },
    },
  ]
}
