import { Button, TagsInput, Textarea } from '@mantine/core'
import type { ModelVersion } from '@shared/contract'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel, SubmitButton } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import classes from './models.module.css'
import { useEditing } from './use-editing'

function NotesForm({ version, onDone }: { version: ModelVersion; onDone: () => void }) {
  const { t } = useTranslation(['models', 'common'])
  const [notes, setNotes] = useState(version.notes)
  const [tags, setTags] = useState<string[]>(version.tags)
  const [busy, setBusy] = useState(false)

  async function save(): Promise<void> {
    setBusy(true)
    try {
      const { model: name, version: number } = version
      await getClient().storage.models.annotate({ name, version: number, notes: notes.trim(), tags })
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
      <Textarea
        label={t('notes.notes')}
        autosize
        minRows={3}
        maxRows={14}
        maxLength={20_000}
        value={notes}
        onChange={(event) => setNotes(event.currentTarget.value)}
        autoFocus
      />
      <TagsInput
        size="xs"
        label={t('notes.tags')}
        description={t('notes.tagsHelp')}
        maxTags={50}
        value={tags}
        onChange={(values) =>
          setTags(values.map((tag) => tag.trim().slice(0, 50)).filter((tag) => tag !== ''))
        }
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

/** What people say of a version: notes and tags, changed in place. */
export function NotesPanel({ version }: { version: ModelVersion }) {
  const { t } = useTranslation('models')
  const { editing, setEditing, opener } = useEditing()
  const { notes, tags } = version
  return (
    <Panel
      title={t('notes.title')}
      aside={
        !editing && (
          <button
            ref={opener}
            type="button"
            className={classes['textButton']}
            onClick={() => setEditing(true)}
          >
            {t('notes.edit')}
          </button>
        )
      }
    >
      {editing ? (
        <NotesForm version={version} onDone={() => setEditing(false)} />
      ) : (
        <>
          {notes === '' ? (
            <div className={classes['note']}>{t('notes.none')}</div>
          ) : (
            <div className={classes['notes']}>{notes}</div>
          )}
          {tags.length > 0 && (
            <div className={classes['tags']}>
              {tags.map((tag) => (
                <span key={tag} className={classes['tag']}>
                  {tag}
                </span>
              ))}
            </div>
          )}
        </>
      )}
    </Panel>
  )
}
