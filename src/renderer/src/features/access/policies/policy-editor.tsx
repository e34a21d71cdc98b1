import { ActionIcon, Badge, Button, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import type { Policy } from '@shared/contract'
import { IconX } from '@tabler/icons-react'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { BusyButton, ConfirmButton, RelativeTime } from '../../../components'
import { getClient } from '../../../lib/client'
import { useAct } from '../../../lib/use-act'
import classes from '../access.module.css'
import { refreshAccess, useAccess, useNameOf } from '../access-store'
import { CedarField, type CedarFieldHandle } from '../cedar/cedar-field'
import { useValidation } from '../cedar/use-validation'
import { Problems, ValidationState } from '../cedar/validation-view'
import { freePolicyId } from '../cedar/write-policy'
import { policyWords } from '../policy-words'
import { goTo } from '../routes'
import { beginPolicy } from './begin-policy'
import { CheatSheet } from './cheat-sheet'
import { type Draft, NEW, useDrafts } from './drafts'

const POLICY_ID = /^[a-z0-9][a-z0-9-]{0,62}$/

/** Reads, changes, or begins a policy; what is typed is checked against the schema of the system. */
export function PolicyEditor({ policy }: { policy: Policy | null }) {
  const { t } = useTranslation('access')
  const { t: common } = useTranslation('common')
  const key = policy?.id ?? NEW
  const stored: Draft = {
    id: policy?.id ?? '',
    text: policy?.text ?? '',
    description: policy?.description ?? '',
  }
  const { drafts, put, drop } = useDrafts()
  const draft = drafts.get(key) ?? stored
  const policies = useAccess((state) => state.policies.items)
  const nameOf = useNameOf()
  const field = useRef<CedarFieldHandle>(null)
  const { busy, act } = useAct()
  const readOnly = policy?.builtIn ?? false
  const validation = useValidation(readOnly ? '' : draft.text)
  const words = policyWords(t, draft, nameOf)

  const edit = (patch: Partial<Draft>) => put(key, { ...draft, ...patch })
  const taken = policy === null && policies.some(({ id }) => id === draft.id)
  const idProblem =
    draft.id !== '' && !POLICY_ID.test(draft.id) ? t('editor.idProblem') : taken ? t('editor.idTaken') : null
  const changed =
    draft.text !== stored.text || draft.description !== stored.description || draft.id !== stored.id
  const canSave = changed && validation.state === 'valid' && draft.id !== '' && idProblem === null

  const save = async () => {
    if (!canSave) return
    const done = await act(() => getClient().security.policies.set(draft))
    if (!done) return
    notifications.show({ color: 'teal', message: t('editor.saved', { id: draft.id }), withBorder: true })
    await refreshAccess()
    drop(key)
    goTo({ tab: 'policies', policy: draft.id })
  }
  const remove = async () => {
    await getClient().security.policies.remove({ id: draft.id })
    drop(key)
    goTo({ tab: 'policies' })
    await refreshAccess()
  }
  const copy = () => {
    const id = freePolicyId(`${draft.id}-copy`, new Set(policies.map((other) => other.id)))
    beginPolicy({ ...draft, id })
  }

  return (
    <section
      className={classes['editor']}
      aria-label={policy ? t('editor.label', { id: policy.id }) : t('editor.new')}
    >
      <header className={classes['editorHead']}>
        <div className={classes['detailHead']} style={{ paddingRight: 0 }}>
          <h2 className={classes['detailTitle']}>
            {policy?.id ?? t('editor.new')} {readOnly && <Badge ml={6}>{t('policies.builtIn')}</Badge>}
          </h2>
          {readOnly && <div className={classes['detailSub']}>{t('editor.readOnly')}</div>}
          {policy && !readOnly && (
            <div className={classes['detailSub']}>
              <span>
                {t('policies.updated')} <RelativeTime at={policy.updatedAt} /> · {nameOf(policy.updatedBy)}
              </span>
            </div>
          )}
        </div>
        <ActionIcon
          className={classes['editorClose']}
          aria-label={common('close')}
          size={26}
          onClick={() => goTo({ tab: 'policies' })}
        >
          <IconX size={16} stroke={1.6} />
        </ActionIcon>
      </header>
      {!readOnly && (
        <div className={classes['row']}>
          {policy === null && (
            <TextInput
              label={t('editor.id')}
              description={t('editor.idHelp')}
              inputWrapperOrder={['label', 'input', 'error', 'description']}
              error={idProblem}
              value={draft.id}
              maxLength={63}
              onChange={(event) => edit({ id: event.currentTarget.value })}
            />
          )}
          <TextInput
            label={t('editor.description')}
            placeholder={t('editor.descriptionPlaceholder')}
            value={draft.description}
            maxLength={500}
            onChange={(event) => edit({ description: event.currentTarget.value })}
          />
        </div>
      )}
      {words !== null && validation.state !== 'invalid' && <div>{words}</div>}
      <div className={classes['editorArea']}>
        <CedarField
          key={key}
          label={t('editor.text')}
          value={draft.text}
          onChange={(text) => edit({ text })}
          readOnly={readOnly}
          problems={validation.problems}
          placeholder={t('editor.empty')}
          onSave={() => void save()}
          handle={field}
        />
      </div>
      <Problems validation={validation} field={field} />
      <div className={classes['editorFoot']}>
        {readOnly ? (
          <Button variant="default" onClick={copy}>
            {t('editor.copyAsNew')}
          </Button>
        ) : (
          <>
            <ValidationState validation={validation} />
            <span className={classes['spring']} />
            {policy && (
              <ConfirmButton
                variant="light"
                color="red"
                title={t('editor.deleteTitle', { id: policy.id })}
                message={t('editor.deleteText')}
                confirmLabel={t('editor.delete')}
                onConfirm={remove}
              >
                {t('editor.delete')}
              </ConfirmButton>
            )}
            {(changed || policy === null) && (
              <Button
                variant="default"
                onClick={() => {
                  drop(key)
                  if (policy === null) goTo({ tab: 'policies' })
                }}
              >
                {policy ? t('editor.revert') : t('editor.discard')}
              </Button>
            )}
            <BusyButton variant="filled" busy={busy} disabled={!canSave} onClick={() => void save()}>
              {t('editor.save')}
            </BusyButton>
          </>
        )}
      </div>
      <CheatSheet onInsert={readOnly ? null : (text) => field.current?.insert(text)} />
    </section>
  )
}
