import { Autocomplete, Select } from '@mantine/core'
import type { Model } from '@shared/contract'
import { AliasName } from '@shared/domain/references'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Modal, SubmitButton } from '../../components'
import { toErrorView } from '../../lib/errors'
import { setAlias } from './alias-actions'
import { aliasChoices } from './aliases'
import classes from './models.module.css'
import { ReasonInput } from './reason-input'

/** What the dialog begins with. */
export interface AliasDraft {
  alias: string
  version: number
}

function AliasForm({ model, draft, onClose }: { model: Model; draft: AliasDraft; onClose: () => void }) {
  const { t } = useTranslation('models')
  const [alias, setName] = useState(draft.alias)
  const [version, setVersion] = useState(draft.version)
  const [reason, setReason] = useState('')
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const valid = AliasName.safeParse(alias).success
  const current = model.aliases.find((known) => known.alias === alias)
  const words = { name: model.name, alias, to: version, from: current?.version ?? 0 }

  async function submit(): Promise<void> {
    if (!valid) {
      setError(t('alias.invalid'))
      return
    }
    setBusy(true)
    try {
      await setAlias(model.name, alias, version, reason.trim())
      onClose()
    } catch (refused) {
      setError(toErrorView(refused).message)
    } finally {
      setBusy(false)
    }
  }
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    void submit()
  }
  return (
    <form className={classes['form']} onSubmit={onSubmit}>
      <Autocomplete
        size="xs"
        label={t('alias.name')}
        description={t('alias.nameHelp')}
        data={aliasChoices(model.aliases)}
        maxLength={32}
        value={alias}
        error={error ?? (alias !== '' && !valid ? t('alias.invalid') : undefined)}
        onChange={(value) => {
          setName(value.trim().toLowerCase())
          setError(null)
        }}
        data-autofocus
      />
      <Select
        label={t('alias.version')}
        allowDeselect={false}
        data={[...model.versions]
          .sort((a, b) => b - a)
          .map((number) => ({
            value: String(number),
            label: t('version', { version: number }),
          }))}
        value={String(version)}
        onChange={(value) => value && setVersion(Number(value))}
      />
      <ReasonInput value={reason} onChange={setReason} />
      {valid && (
        <div className={classes['note']} aria-live="polite">
          {t(
            current === undefined
              ? 'alias.makes'
              : current.version === version
                ? 'alias.already'
                : 'alias.moves',
            words,
          )}
        </div>
      )}
      <SubmitButton busy={busy} disabled={alias === '' || current?.version === version}>
        {t('alias.submit')}
      </SubmitButton>
    </form>
  )
}

/** Sets an alias, or moves it to another version. */
export function AliasDialog(props: { model: Model; draft: AliasDraft | null; onClose: () => void }) {
  const { t } = useTranslation('models')
  return (
    <Modal opened={props.draft !== null} onClose={props.onClose} title={t('alias.title')} size={400}>
      {props.draft && <AliasForm model={props.model} draft={props.draft} onClose={props.onClose} />}
    </Modal>
  )
}
