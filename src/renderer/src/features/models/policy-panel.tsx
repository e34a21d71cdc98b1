import { Button, NumberInput, Select, Switch, TextInput } from '@mantine/core'
import type { Model, ModelVersion, VersionPolicy } from '@shared/contract'
import { keptVersions } from '@shared/domain/version-policy'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Facts, Panel, SubmitButton } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { carriedBy } from './aliases'
import classes from './models.module.css'
import { useEditing } from './use-editing'

const KEEPS = ['all', 'latest', 'pinned'] as const

interface Subject {
  model: Model
  versions: readonly ModelVersion[]
}

/** Versions that a policy does not keep, oldest first. */
function letGo(policy: VersionPolicy, { model, versions }: Subject): number[] {
  const kept = keptVersions(
    policy,
    versions.map(({ version, tags }) => ({
      version,
      aliases: carriedBy(version, model.aliases).map(({ alias }) => alias),
      tags,
    })),
  )
  return versions
    .map(({ version }) => version)
    .filter((version) => !kept.has(version))
    .sort((a, b) => a - b)
}

/** What a policy would mean for the next collection. */
function Meaning({ policy, subject }: { policy: VersionPolicy; subject: Subject }) {
  const { t } = useTranslation('models')
  const gone = letGo(policy, subject)
  return (
    <div className={classes['note']} aria-live="polite">
      {gone.length === 0
        ? t('policy.keepsAll')
        : t('policy.letsGo', { count: gone.length, versions: gone.join(', ') })}
    </div>
  )
}

function PolicyForm({ subject, onDone }: { subject: Subject; onDone: () => void }) {
  const { t } = useTranslation(['models', 'common'])
  const { model } = subject
  const [policy, setPolicy] = useState(model.policy)
  const [family, setFamily] = useState(model.family ?? '')
  const [busy, setBusy] = useState(false)
  const change = (part: Partial<VersionPolicy>) => setPolicy((old) => ({ ...old, ...part }))

  async function save(): Promise<void> {
    setBusy(true)
    try {
      await getClient().storage.models.update({ name: model.name, family: family.trim() || null, policy })
      onDone()
    } catch (error) {
      notifyError(error)
    } finally {
      setBusy(false)
    }
  }
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    void save()
  }
  return (
    <form className={classes['form']} onSubmit={onSubmit}>
      <Select
        autoFocus
        label={t('policy.keep')}
        allowDeselect={false}
        data={KEEPS.map((value) => ({ value, label: t(`policy.choice.${value}`) }))}
        value={policy.keep}
        onChange={(value) => {
          const keep = KEEPS.find((known) => known === value)
          if (keep) change({ keep })
        }}
      />
      {policy.keep === 'latest' && (
        <NumberInput
          label={t('policy.count')}
          min={1}
          max={1000}
          allowDecimal={false}
          clampBehavior="strict"
          value={policy.count}
          onChange={(value) => typeof value === 'number' && value >= 1 && change({ count: value })}
        />
      )}
      <Meaning policy={policy} subject={subject} />
      <Switch
        label={t('policy.warm')}
        description={t('policy.warmText')}
        checked={policy.warm}
        onChange={(event) => change({ warm: event.currentTarget.checked })}
      />
      <TextInput
        label={t('policy.family')}
        description={t('policy.familyText')}
        maxLength={64}
        value={family}
        onChange={(event) => setFamily(event.currentTarget.value)}
      />
      <div className={classes['formFoot']}>
        <Button variant="default" onClick={onDone}>
          {t('common:cancel')}
        </Button>
        <SubmitButton busy={busy}>{t('common:save')}</SubmitButton>
      </div>
    </form>
  )
}

/** Which versions are kept and which stay loaded, and what the model belongs to; changed in place. */
export function PolicyPanel(subject: Subject) {
  const { t } = useTranslation('models')
  const { editing, setEditing, opener } = useEditing()
  const { policy, family } = subject.model
  return (
    <Panel
      title={t('policy.title')}
      aside={
        !editing && (
          <button
            ref={opener}
            type="button"
            className={classes['textButton']}
            onClick={() => setEditing(true)}
          >
            {t('policy.edit')}
          </button>
        )
      }
    >
      {editing ? (
        <PolicyForm subject={subject} onDone={() => setEditing(false)} />
      ) : (
        <>
          <Facts
            rows={[
              [
                t('policy.keep'),
                policy.keep === 'latest'
                  ? t('policy.latestOf', { count: policy.count })
                  : t(`policy.choice.${policy.keep}`),
              ],
              [t('policy.loaded'), t(policy.warm ? 'policy.staysWarm' : 'policy.unloads')],
              [t('policy.family'), family ?? t('policy.noFamily')],
            ]}
          />
          <div className={classes['meaning']}>
            <Meaning policy={policy} subject={subject} />
          </div>
        </>
      )}
    </Panel>
  )
}
