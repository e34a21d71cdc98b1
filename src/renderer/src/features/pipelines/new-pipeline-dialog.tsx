import { Alert, Button, Textarea } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { BusyButton, Modal } from '../../components'
import { getClient } from '../../lib/client'
import { type ErrorView, toErrorView } from '../../lib/errors'
import { navigate, pathTo } from '../../lib/router'
import { EXAMPLE } from './example'
import classes from './pipelines.module.css'

/** A pipeline as JSON, as a program would send it; what is wrong is said beside it. */
export function NewPipelineDialog(props: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('pipelines')
  const { t: common } = useTranslation('common')
  const [text, setText] = useState(EXAMPLE)
  const [error, setError] = useState<Pick<ErrorView, 'message' | 'code'> | null>(null)
  const [busy, setBusy] = useState(false)

  async function submit(): Promise<void> {
    let spec: unknown
    try {
      spec = JSON.parse(text)
    } catch (cause) {
      setError({ code: 'system.invalid', message: t('new.noJson', { why: (cause as Error).message }) })
      return
    }
    setBusy(true)
    try {
      // The system checks it against the contract; what a person types may be anything.
      const { id } = await getClient().compute.pipelines.submit(spec as never)
      setError(null)
      props.onClose()
      navigate(pathTo('pipelines', id))
    } catch (cause) {
      const view = toErrorView(cause)
      const field = view.details['field']
      setError(
        typeof field === 'string' && field !== '' ? { ...view, message: `${field}: ${view.message}` } : view,
      )
    } finally {
      setBusy(false)
    }
  }

  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      // What was refused is no news when it is opened again.
      onExitTransitionEnd={() => setError(null)}
      title={t('new.title')}
      size={680}
    >
      <div className={classes['form']}>
        <Textarea
          label={t('new.label')}
          description={t('new.help')}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          rows={16}
          spellCheck={false}
          data-autofocus
          classNames={{ input: classes['code'] ?? '' }}
          error={error !== null}
        />
        {error && (
          <Alert color="red" role="alert" title={t('new.refused')}>
            {error.message}
          </Alert>
        )}
        <div className={classes['formActions']}>
          <Button variant="default" onClick={props.onClose}>
            {common('cancel')}
          </Button>
          <BusyButton variant="filled" busy={busy} onClick={() => void submit()}>
            {t('new.submit')}
          </BusyButton>
        </div>
      </div>
    </Modal>
  )
}
