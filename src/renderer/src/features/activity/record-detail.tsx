import { Button } from '@mantine/core'
import type { AuditRecord, Decision } from '@shared/contract'
import { isAction } from '@shared/domain/actions'
import { IconFilter, IconScale, IconUser } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Facts, IdText, Mono, RelativeTime, StateDot } from '../../components'
import { getClient } from '../../lib/client'
import { formatExact } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { navigate } from '../../lib/router'
import { phraseWords } from '../../lib/words'
import { useAccess } from '../access/access-store'
import { parseUid } from '../access/cedar/uid'
import { PolicyLink } from '../access/policy-link'
import { accessPath } from '../access/routes'
import classes from './activity.module.css'
import { wordsOfAction } from './record-columns'
import { sentenceOf } from './records'
import { useActivityView } from './view-store'

/** What would be decided now about what was denied then; null while asked, and where it can not be asked. */
function useDecisionNow(record: AuditRecord, canAsk: boolean): Decision | null {
  const policies = useAccess((state) => state.policies.items)
  const [answer, setAnswer] = useState<{ id: string; decision: Decision } | null>(null)
  const { id, principal, action, resource } = record
  // biome-ignore lint/correctness/useExhaustiveDependencies: other policies mean to ask again
  useEffect(() => {
    if (!canAsk) return
    const stop = new AbortController()
    getClient()
      .security.explain({ principal, action, resource }, { signal: stop.signal })
      .then(
        (decision) => {
          if (!stop.signal.aborted) setAnswer({ id, decision })
        },
        // The account or the job may be gone: then there is nothing to say about now.
        () => setAnswer(null),
      )
    return () => stop.abort()
  }, [id, principal, action, resource, canAsk, policies])
  return answer?.id === id ? answer.decision : null
}

function Denied({ record }: { record: AuditRecord }) {
  const { t } = useTranslation('activity')
  const { principal, action, resource } = record
  const isKnown = useAccess((state) => state.principals.items.some(({ id }) => id === principal))
  const canAsk = isKnown && isAction(action) && parseUid(resource) !== null && resource.length <= 300
  const now = useDecisionNow(record, canAsk)
  const isForbidden = (now?.policies ?? record.policies).length > 0
  if (now?.decision === 'allow') {
    return (
      <div className={classes['now']}>
        <StateDot state="allow" label={t('detail.nowAllowed')} />
        {now.policies.map((statement) => (
          <PolicyLink key={statement} statement={statement} />
        ))}
      </div>
    )
  }
  if (!now && !isForbidden && !canAsk) return null
  return (
    <div className={classes['now']}>
      {now && <div>{t('detail.nowDenied')}</div>}
      {isForbidden && <div className={classes['dim']}>{t('detail.forbidden')}</div>}
      {canAsk && !isForbidden && (
        <>
          <div>
            <Button
              onClick={() =>
                navigate(accessPath({ tab: 'policies', draft: true, principal, action, resource }))
              }
            >
              {t('detail.allow')}
            </Button>
          </div>
          <div className={classes['small']}>{t('detail.allowText')}</div>
        </>
      )}
    </div>
  )
}

/** The sentence of the log in the language of the window, with the name of who did it. */
function titleOf(record: AuditRecord): string {
  const { summary, principalName, decision } = record
  const sentence = sentenceOf(record)
  const isNamed = decision === 'allow' && sentence !== summary
  return isNamed ? `${principalName} ${phraseWords(sentence)}` : phraseWords(summary)
}

/** The whole record of one decision, and what can be done about it. */
export function RecordDetail({ record }: { record: AuditRecord }) {
  const { t } = useTranslation('activity')
  const { t: access } = useTranslation('access')
  const locale = localeOf(useLanguage((state) => state.language))
  const isKnown = useAccess((state) => state.principals.items.some(({ id }) => id === record.principal))
  const setFilter = useActivityView((state) => state.setFilter)
  const { principal, principalName: name, action, resource } = record
  return (
    <div className={classes['detail']}>
      <header className={classes['detailHead']}>
        <h2 className={classes['detailTitle']}>{titleOf(record)}</h2>
        <StateDot state={record.decision} />
      </header>
      {record.decision === 'deny' && <Denied record={record} />}
      <Facts
        rows={[
          [
            t('detail.when'),
            <span key="when">
              {formatExact(record.at, locale)} · <RelativeTime at={record.at} />
            </span>,
          ],
          [
            t('detail.who'),
            <span key="who">
              {name !== principal && `${name} `}
              <IdText id={principal} text={principal} />
            </span>,
          ],
          [
            t('detail.action'),
            <span key="action">
              {wordsOfAction(t, access, action)} <Mono dimmed>{action}</Mono>
            </span>,
          ],
          [t('detail.resource'), <Mono key="resource">{resource}</Mono>],
          [
            t('detail.policies'),
            record.policies.length === 0 ? (
              t('none')
            ) : (
              <div key="policies" className={classes['list']}>
                {record.policies.map((statement) => (
                  <PolicyLink key={statement} statement={statement} />
                ))}
              </div>
            ),
          ],
          [t('detail.via'), t(`via.${record.via}`)],
          [t('detail.id'), <IdText key="id" id={record.id} text={record.id} />],
          [
            t('detail.hash'),
            <div key="hash" className={classes['hash']} title={t('detail.hashText')}>
              <IdText id={record.hash} text={record.hash} />
            </div>,
          ],
        ]}
      />
      <div className={classes['actions']}>
        {isKnown && (
          <Button
            variant="default"
            leftSection={<IconUser size={15} stroke={1.6} />}
            onClick={() => navigate(accessPath({ principal }))}
          >
            {t('detail.openPrincipal', { name })}
          </Button>
        )}
        <Button
          variant="default"
          leftSection={<IconFilter size={15} stroke={1.6} />}
          onClick={() => setFilter({ principal })}
        >
          {t('detail.onlyThis', { name })}
        </Button>
        {isKnown && isAction(action) && (
          <Button
            variant="default"
            leftSection={<IconScale size={15} stroke={1.6} />}
            onClick={() => navigate(accessPath({ tab: 'try', principal, action, resource }))}
          >
            {t('detail.tryIt')}
          </Button>
        )}
      </div>
    </div>
  )
}
