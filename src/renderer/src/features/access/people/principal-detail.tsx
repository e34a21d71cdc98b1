import { Button } from '@mantine/core'
import type { Principal } from '@shared/contract'
import { IconHistory, IconKey, IconScale } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConfirmButton, Facts, IdText, RelativeTime } from '../../../components'
import { getClient } from '../../../lib/client'
import { navigate } from '../../../lib/router'
import { useMe } from '../../../lib/stores'
import classes from '../access.module.css'
import { refreshAccess, useAccess, useNameOf } from '../access-store'
import { PolicyLink } from '../policy-link'
import { statementsFor, statementWords } from '../policy-words'
import { goTo } from '../routes'
import { Section } from '../section'
import { GrantDialog } from './grant-dialog'
import { KeyDialog } from './key-dialog'
import { KeyList } from './key-list'
import { LimitsSection } from './limits'
import { PasswordDialog } from './password-dialog'
import { StorageSection } from './storage-quota'

/** What policies let a principal do, each in words with the policy it comes from. */
function useMay(principal: Principal) {
  const { t } = useTranslation('access')
  const policies = useAccess((state) => state.policies.items)
  const nameOf = useNameOf()
  return useMemo(
    () =>
      policies
        .flatMap((policy) => {
          const statements = statementsFor(policy, principal)
          if (statements.length === 0) return []
          const words = statements.map((statement) => statementWords(t, statement, nameOf))
          const sentences = [...new Set(words.filter((sentence) => sentence !== null))]
          const isNamed = statements.some((statement) => statement.principal.op === '==')
          return [{ id: policy.id, words: sentences.length > 0 ? sentences : [policy.description], isNamed }]
        })
        // What was written for this one comes before what is so for all.
        .sort((a, b) => Number(b.isNamed) - Number(a.isNamed)),
    [t, policies, principal, nameOf],
  )
}

/** One model that a policy of its own lets this principal run, to show in a command. */
function runnableModel(principal: Principal, policies: readonly { text: string }[]): string | null {
  for (const policy of policies) {
    for (const { effect, principal: who, action, resource } of statementsFor(policy, principal)) {
      if (effect !== 'permit' || who.op !== '==' || action.op !== '==' || action.uids[0]?.id !== 'model.run')
        continue
      if (resource.op === '==' || resource.op === 'in') return resource.uids[0]?.id ?? null
    }
  }
  return null
}

/** All about one principal: its keys, what it may do, its password, and the way out. */
export function PrincipalDetail({ principal }: { principal: Principal }) {
  const { t } = useTranslation('access')
  const me = useMe((state) => state.value)
  const policies = useAccess((state) => state.policies.items)
  const may = useMay(principal)
  const [dialog, setDialog] = useState<'key' | 'grant' | 'password' | null>(null)
  const close = () => setDialog(null)
  const { id, name, kind, roles } = principal

  const remove = async () => {
    await getClient().security.principals.remove({ id })
    goTo({})
    await refreshAccess()
  }

  return (
    <div className={classes['detail']}>
      <header className={classes['detailHead']}>
        <h2 className={classes['detailTitle']}>{name}</h2>
        <div className={classes['detailSub']}>
          <IdText id={id} text={id} />
          <span>
            {[
              t(`kind.${kind}`),
              ...roles.filter((role) => role !== 'app').map((role) => t(`role.${role}`)),
            ].join(' · ')}
          </span>
        </div>
      </header>

      <Section
        title={t('detail.keys')}
        aside={
          <Button
            variant="default"
            leftSection={<IconKey size={15} stroke={1.6} />}
            onClick={() => setDialog('key')}
          >
            {t('key.make')}
          </Button>
        }
      >
        <KeyList principal={principal} />
      </Section>

      <Section
        title={t(kind === 'app' ? 'detail.may' : 'detail.mayUser')}
        aside={
          roles.includes('owner') ? undefined : (
            <Button variant="default" onClick={() => setDialog('grant')}>
              {t('detail.allowMore')}
            </Button>
          )
        }
      >
        {may.length === 0 ? (
          <div className={classes['dim']}>{t('detail.mayNothing')}</div>
        ) : (
          <ul className={classes['plainList']}>
            {may.map((policy) => (
              <li key={policy.id}>
                {policy.words.map((sentence) => (
                  <div key={sentence}>{sentence}</div>
                ))}
                <PolicyLink statement={policy.id} />
              </li>
            ))}
          </ul>
        )}
      </Section>

      <LimitsSection key={`limits-${id}`} principal={principal} />

      <StorageSection key={id} principal={principal} />

      {kind === 'user' && (
        <Section
          title={t('detail.password')}
          aside={
            <Button variant="default" onClick={() => setDialog('password')}>
              {t(principal.hasPassword ? 'password.change' : 'password.set')}
            </Button>
          }
        >
          <div className={classes['dim']}>
            {t(principal.hasPassword ? 'password.isSet' : 'password.notSet')}
          </div>
        </Section>
      )}

      <Section title={t('detail.about')}>
        <Facts rows={[[t('detail.added'), <RelativeTime key="added" at={principal.createdAt} />]]} />
        <div className={classes['actions']}>
          <Button
            variant="default"
            leftSection={<IconHistory size={15} stroke={1.6} />}
            onClick={() => navigate(`/activity?${new URLSearchParams({ principal: id })}`)}
          >
            {t('detail.activity')}
          </Button>
          <Button
            variant="default"
            leftSection={<IconScale size={15} stroke={1.6} />}
            onClick={() => goTo({ tab: 'try', principal: id })}
          >
            {t('detail.tryDecision')}
          </Button>
          {me !== null && me.id !== id && (
            <ConfirmButton
              variant="light"
              color="red"
              title={t('detail.removeTitle', { name })}
              message={t('detail.removeText')}
              confirmLabel={t('detail.remove')}
              onConfirm={remove}
            >
              {t('detail.remove')}
            </ConfirmButton>
          )}
        </div>
      </Section>

      {dialog === 'key' && (
        <KeyDialog principal={principal} model={runnableModel(principal, policies)} onClose={close} />
      )}
      {dialog === 'grant' && <GrantDialog principal={principal} onClose={close} />}
      {dialog === 'password' && <PasswordDialog principal={principal} onClose={close} />}
    </div>
  )
}
