import { Autocomplete, Button, Select } from '@mantine/core'
import type { Decision } from '@shared/contract'
import { ACTION_NAMES, ACTIONS, type Action, isAction, type ResourceType } from '@shared/domain/actions'
import { IconScale } from '@tabler/icons-react'
import { useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { EmptyState, ErrorState, Facts, Mono, Panel, STATE_COLOURS } from '../../components'
import { getClient, useConnection } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { useJobs, useLeases, useModels } from '../../lib/stores'
import classes from './access.module.css'
import { useAccess } from './access-store'
import { formatUid, parseUid, principalUid, type Uid } from './cedar/uid'
import { PolicyLink } from './policy-link'
import { actionWords, attemptWords } from './policy-words'
import { goTo } from './routes'

const MACHINE: Uid = { type: 'System', id: 'machine' }
const DEBOUNCE_MS = 250
const SUGGESTED = 200

/** What a resource of a type may be, to choose from. */
function useSuggestions(type: ResourceType | null): string[] {
  const models = useModels((state) => state.items)
  const jobs = useJobs((state) => (type === 'Job' ? state.items : null))
  const leases = useLeases((state) => (type === 'Lease' ? state.items : null))
  return useMemo(() => {
    if (type === 'Model') return [...models.keys()].sort()
    if (type === 'Job') return [...(jobs?.keys() ?? [])].slice(-SUGGESTED).reverse()
    if (type === 'Lease') return [...(leases?.keys() ?? [])].slice(-SUGGESTED).reverse()
    if (type !== 'ModelRef') return []
    return [...models.values()].flatMap(({ name, aliases, versions }) => [
      ...aliases.map(({ alias }) => `${name}@${alias}`),
      ...[...versions].reverse().map((version) => `${name}@${version}`),
    ])
  }, [type, models, jobs, leases])
}

interface Question {
  principal: string
  action: string
  resource: string
}
interface Answer {
  question: Question
  decision: Decision | null
  error: ErrorView | null
}

/** The answer to a question, asked when choosing pauses, and again when a policy changes. */
function useAnswer(question: Question | null): { answer: Answer | null; stale: boolean } {
  const epoch = useConnection((state) => state.epoch)
  const policies = useAccess((state) => state.policies.items)
  const [answer, setAnswer] = useState<Answer | null>(null)
  const wanted = question && JSON.stringify(question)
  // biome-ignore lint/correctness/useExhaustiveDependencies: other policies or a new connection mean to ask again
  useEffect(() => {
    if (!question) return
    const stop = new AbortController()
    const ask = async () => {
      let next: Answer
      try {
        const decision = await getClient().security.explain(question, { signal: stop.signal })
        next = { question, decision, error: null }
      } catch (error) {
        next = { question, decision: null, error: toErrorView(error) }
      }
      if (!stop.signal.aborted) setAnswer(next)
    }
    const timer = setTimeout(() => void ask(), DEBOUNCE_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [wanted, policies, epoch])
  if (!question) return { answer: null, stale: false }
  return { answer, stale: answer !== null && JSON.stringify(answer.question) !== wanted }
}

function Verdict({ answer, stale }: { answer: Answer; stale: boolean }) {
  const { t } = useTranslation('access')
  const principals = useAccess((state) => state.principals.items)
  const { question, decision, error } = answer
  if (error) return <ErrorState error={error} />
  if (!decision) return null
  const principal = principals.find(({ id }) => id === question.principal)
  const allowed = decision.decision === 'allow'
  const words = {
    who: principal?.name ?? question.principal,
    what: attemptWords(t, question.action, parseUid(question.resource)),
  }
  return (
    <div className={classes['verdict']} data-stale={stale || undefined} role="status">
      <div className={classes['verdictHead']}>
        <span
          className={classes['verdictDot']}
          style={{ '--dot': STATE_COLOURS[decision.decision] }}
          aria-hidden="true"
        />
        {t(allowed ? 'try.allowed' : 'try.denied')}
      </div>
      <div>{t(allowed ? 'try.sentenceAllow' : 'try.sentenceDeny', words)}</div>
      <Facts
        rows={[
          ...(decision.policies.length > 0
            ? [
                [
                  t('try.because'),
                  <div key="because" className={classes['plainList']} style={{ gap: 2 }}>
                    {decision.policies.map((statement) => (
                      <PolicyLink key={statement} statement={statement} />
                    ))}
                  </div>,
                ] as const,
              ]
            : []),
          ...(decision.errors.length > 0 ? [[t('try.errors'), decision.errors.join('; ')] as const] : []),
          [
            t('try.asText'),
            <div key="text">
              {[
                principal ? formatUid(principalUid(principal)) : question.principal,
                formatUid({ type: 'Action', id: question.action }),
                question.resource,
              ].map((line) => (
                <div key={line}>
                  <Mono>{line}</Mono>
                </div>
              ))}
            </div>,
          ],
        ]}
      />
      {!allowed && (
        <div className={classes['dim']}>
          {t(decision.policies.length > 0 ? 'try.forbidden' : 'try.nothingPermits')}
        </div>
      )}
      {!allowed && decision.policies.length === 0 && (
        <div>
          <Button variant="default" onClick={() => goTo({ tab: 'policies', draft: true, ...question })}>
            {t('try.allow')}
          </Button>
        </div>
      )}
    </div>
  )
}

/** Who may do what to what? Asked of the policies in force, without doing it. */
export function TryTab(props: { principal: string | null; action: string | null; resource: string | null }) {
  const { t } = useTranslation('access')
  const principals = useAccess((state) => state.principals.items)
  const [principal, setPrincipal] = useState(props.principal)
  const [action, setAction] = useState<Action | null>(
    props.action !== null && isAction(props.action) ? props.action : null,
  )
  const [id, setId] = useState(parseUid(props.resource ?? '')?.id ?? '')
  const type = action === null ? null : ACTIONS[action]
  const suggestions = useSuggestions(type)

  const actions = useMemo(() => {
    const types: ResourceType[] = ['ModelRef', 'Model', 'Dataset', 'Job', 'Lease', 'Import', 'System']
    return types.map((about) => ({
      group: t(`sheet.about.${about}`),
      items: ACTION_NAMES.filter((name) => ACTIONS[name] === about).map((name) => ({
        value: name,
        label: `${actionWords(t, name)} (${name})`,
      })),
    }))
  }, [t])

  const resource =
    type === null ? null : type === 'System' ? MACHINE : id.trim() === '' ? null : { type, id: id.trim() }
  const question =
    principal !== null && action !== null && resource !== null
      ? { principal, action, resource: formatUid(resource) }
      : null
  const { answer, stale } = useAnswer(question)
  const placeholders: Record<Exclude<ResourceType, 'System'>, string> = {
    Model: t('try.resourceModel'),
    ModelRef: t('try.resourceRef'),
    Dataset: t('try.resourceDataset'),
    Job: t('try.resourceJob'),
    Lease: t('try.resourceLease'),
    Import: t('try.resourceImport'),
  }

  return (
    <div className={classes['splitWrap']} style={{ flex: 'none' }}>
      <div className={classes['try']}>
        <Panel aria-label={t('tab.try')}>
          <div className={classes['tryForm']}>
            <div className={classes['dim']}>{t('try.text')}</div>
            <Select
              label={t('try.principal')}
              placeholder={t('try.choosePrincipal')}
              data={principals.map((one) => ({ value: one.id, label: one.name }))}
              value={principal}
              onChange={setPrincipal}
              searchable
              allowDeselect={false}
            />
            <Select
              label={t('try.action')}
              placeholder={t('try.chooseAction')}
              data={actions}
              value={action}
              onChange={(value) => {
                const next = value !== null && isAction(value) ? value : null
                if (next === null || action === null || ACTIONS[next] !== ACTIONS[action]) setId('')
                setAction(next)
              }}
              searchable
              allowDeselect={false}
              maxDropdownHeight={320}
            />
            {type === null || type === 'System' ? (
              <Select
                label={t('try.resource')}
                data={[t('try.theMachine')]}
                value={type === null ? null : t('try.theMachine')}
                placeholder="–"
                disabled
              />
            ) : (
              <Autocomplete
                size="xs"
                label={t('try.resource')}
                placeholder={placeholders[type]}
                data={suggestions}
                value={id}
                onChange={setId}
                limit={60}
                maxLength={200}
                maxDropdownHeight={280}
              />
            )}
          </div>
        </Panel>
        <Panel aria-label={t('try.waitingTitle')}>
          {answer ? (
            <Verdict answer={answer} stale={stale} />
          ) : (
            <EmptyState compact icon={IconScale} title={t('try.waitingTitle')} text={t('try.waitingText')} />
          )}
        </Panel>
      </div>
    </div>
  )
}
