import { Button, Tabs } from '@mantine/core'
import { IconPlus, IconUserOff, IconUserPlus } from '@tabler/icons-react'
import { useCallback, useEffect, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { EmptyState, Page } from '../../components'
import { useMachineOffer } from '../../lib/rights'
import { useRoute } from '../../lib/router'
import classes from './access.module.css'
import { useAccess, useFollowAccess, useNameOf } from './access-store'
import { parseUid } from './cedar/uid'
import { exactPermit, exactPermitId } from './cedar/write-policy'
import { AddAppDialog } from './people/add-app-dialog'
import { AddPersonDialog } from './people/add-person-dialog'
import { PeopleTab } from './people/people-tab'
import { PrincipalDetail } from './people/principal-detail'
import { beginPolicy } from './policies/begin-policy'
import { PoliciesTab } from './policies/policies-tab'
import { attemptWords } from './policy-words'
import { type AccessPlace, accessPlace, goTo, TABS } from './routes'
import { TryTab } from './try-tab'

const ICON = { size: 15, stroke: 1.6 }

/** A link may ask for a new policy that permits exactly what was denied: it becomes the draft, once. */
function useExactDraft(place: AccessPlace): void {
  const { t } = useTranslation('access')
  const principals = useAccess((state) => state.principals)
  const policies = useAccess((state) => state.policies)
  useEffect(() => {
    if (!place.draft || !place.principal || !place.action || !principals.ready || !policies.ready) return
    const resource = parseUid(place.resource ?? '')
    const who = principals.items.find(({ id }) => id === place.principal)
    if (who && resource) {
      const words = { who: who.name, what: attemptWords(t, place.action, resource) }
      const description = t('exact.description', words).slice(0, 500)
      const taken = new Set(policies.items.map(({ id }) => id))
      beginPolicy({
        id: exactPermitId(who, place.action, resource, taken),
        text: exactPermit(who, place.action, resource, description),
        description,
      })
    } else goTo({ tab: 'policies', draft: true })
  }, [place, principals, policies, t])
}

function Detail({ id }: { id: string }) {
  const { t } = useTranslation('access')
  const { items, ready } = useAccess((state) => state.principals)
  const principal = items.find((candidate) => candidate.id === id)
  if (principal) return <PrincipalDetail key={id} principal={principal} />
  if (!ready) return null
  return (
    <EmptyState compact icon={IconUserOff} title={t('detail.gone', { id })} text={t('detail.goneText')} />
  )
}

/** Who may use the system, what the policies let them do, and a place to ask. */
export function AccessPage() {
  const { t } = useTranslation('access')
  const { query } = useRoute()
  const place = useMemo(() => accessPlace(query), [query])
  const tab = place.tab ?? 'people'
  const principals = useAccess((state) => state.principals.items.length)
  const policies = useAccess((state) => state.policies.items.length)
  const nameOf = useNameOf()
  const people = useMachineOffer('principal.manage')
  const rules = useMachineOffer('policy.manage')
  useFollowAccess()
  useExactDraft(place)
  const closeDetail = useCallback(() => goTo({}), [])
  const selected = tab === 'people' ? (place.principal ?? null) : null

  const actions =
    tab === 'people' ? (
      <>
        <Button
          variant="default"
          leftSection={<IconUserPlus {...ICON} />}
          {...people}
          onClick={() => goTo({ dialog: 'person' })}
        >
          {t('addPerson')}
        </Button>
        <Button leftSection={<IconPlus {...ICON} />} {...people} onClick={() => goTo({ dialog: 'add' })}>
          {t('addApp')}
        </Button>
      </>
    ) : tab === 'policies' ? (
      <Button
        leftSection={<IconPlus {...ICON} />}
        {...rules}
        onClick={() => goTo({ tab: 'policies', draft: true })}
      >
        {t('newPolicy')}
      </Button>
    ) : undefined

  const counts = { people: principals, policies, try: 0 }
  return (
    <Page
      title={t('title')}
      fill
      actions={actions}
      detailKey={selected}
      detail={selected !== null && <Detail id={selected} />}
      detailLabel={selected === null ? t('title') : t('detail.label', { name: nameOf(selected) })}
      onCloseDetail={closeDetail}
    >
      <Tabs
        data-fill
        className={classes['sections']}
        value={tab}
        variant="pills"
        onChange={(value) => {
          const next = TABS.find((name) => name === value)
          if (next) goTo({ tab: next })
        }}
      >
        <div className={classes['tabs']}>
          <Tabs.List className={classes['tabList']} aria-label={t('sections')}>
            {TABS.map((name) => (
              <Tabs.Tab key={name} value={name} className={classes['tab']}>
                {t(`tab.${name}`)}
                {counts[name] > 0 && <span className={classes['tabCount']}>{counts[name]}</span>}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {tab === 'policies' && (
            <div className={classes['tabsNote']} title={t('policies.note')}>
              {t('policies.note')}
            </div>
          )}
        </div>
        <Tabs.Panel value={tab} className={classes['sectionBody']}>
          {tab === 'people' && <PeopleTab selected={selected} />}
          {tab === 'policies' && <PoliciesTab selected={place.policy ?? null} draft={place.draft ?? false} />}
          {tab === 'try' && (
            <TryTab
              key={query.toString()}
              principal={place.principal ?? null}
              action={place.action ?? null}
              resource={place.resource ?? null}
            />
          )}
        </Tabs.Panel>
      </Tabs>
      {place.dialog === 'add' && (
        <AddAppDialog onClose={closeDetail} onAdded={(id) => goTo({ principal: id })} />
      )}
      {place.dialog === 'person' && (
        <AddPersonDialog onClose={closeDetail} onAdded={(id) => goTo({ principal: id })} />
      )}
    </Page>
  )
}
