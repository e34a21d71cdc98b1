import { NumberInput, Switch, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { Settings } from '@shared/contract'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, IdText, Panel, SubmitButton } from '../../components'
import { getClient, useConnection } from '../../lib/client'
import { type ErrorView, notifyError, toErrorView } from '../../lib/errors'
import { useMachineOffer } from '../../lib/rights'
import { useSystemInfo } from '../../lib/stores'
import classes from './settings.module.css'

/** The API's address and port, how long engines stay, the memory that is never granted, and what closing the window does. */
export function SystemSettings() {
  const { t } = useTranslation('settings')
  const [settings, setSettings] = useState<Settings | null>(null)
  const [error, setError] = useState<ErrorView | null>(null)
  const epoch = useConnection((state) => state.epoch)
  const { disabled, title } = useMachineOffer('settings.manage')
  const canStayInTray = useSystemInfo((state) => state.value?.canStayInTray ?? false)
  useEffect(() => {
    if (epoch === 0) return
    const controller = new AbortController()
    getClient()
      .system.settings.get(undefined, { signal: controller.signal })
      .then(setSettings)
      .catch((cause: unknown) => !controller.signal.aborted && setError(toErrorView(cause)))
    return () => controller.abort()
  }, [epoch])

  async function save(change: Partial<Settings>): Promise<void> {
    try {
      setSettings(await getClient().system.settings.update(change))
      notifications.show({
        id: 'settings-saved',
        color: 'teal',
        message: t('saved'),
        withBorder: true,
        autoClose: 2_000,
      })
    } catch (cause) {
      notifyError(cause)
    }
  }

  if (error && !settings) {
    return (
      <Panel title={t('api')}>
        <ErrorState error={error} />
      </Panel>
    )
  }
  return (
    <>
      <Panel title={t('api')}>
        <div className={classes['form']}>
          <ApiAddress />
          {settings && (
            <NumberSetting
              label={t('port')}
              description={t('portText')}
              problem={t('badPort')}
              value={settings.apiPort}
              isValid={(value) => Number.isInteger(value) && value >= 0 && value <= 65_535}
              onSave={(apiPort) => save({ apiPort })}
            />
          )}
        </div>
      </Panel>
      <Panel title={t('resources')}>
        {settings && (
          <div className={classes['form']}>
            <NumberSetting
              label={t('idle')}
              description={t('idleText')}
              problem={t('badIdle')}
              unit="s"
              value={settings.engineIdleMs / 1000}
              isValid={(value) => value >= 1 && value <= 86_400}
              onSave={(seconds) => save({ engineIdleMs: Math.round(seconds * 1000) })}
            />
            <NumberSetting
              label={t('reserved')}
              description={t('reservedText')}
              problem={t('badReserved')}
              unit="GB"
              value={settings.reservedMemoryBytes / 1e9}
              isValid={(value) => value >= 0 && value <= 1e6}
              onSave={(gigabytes) => save({ reservedMemoryBytes: Math.round(gigabytes * 1e9) })}
            />
            <Switch
              label={t('together')}
              description={t('togetherText')}
              checked={settings.runsTogether}
              disabled={disabled}
              wrapperProps={{ title }}
              onChange={(event) => save({ runsTogether: event.currentTarget.checked })}
            />
          </div>
        )}
      </Panel>
      {settings && canStayInTray && (
        <Panel title={t('window')}>
          <div className={classes['form']}>
            <Switch
              label={t('tray')}
              description={t('trayText')}
              checked={settings.staysInTray}
              disabled={disabled}
              wrapperProps={{ title }}
              onChange={(event) => save({ staysInTray: event.currentTarget.checked })}
            />
          </div>
        </Panel>
      )}
      <Panel title={t('outside')}>
        {settings && (
          <div className={classes['form']}>
            <TextSetting
              label={t('hub')}
              description={t('hubText')}
              problem={t('badHub')}
              value={settings.hubUrl}
              isValid={(value) => Settings.shape.hubUrl.safeParse(value).success}
              onSave={(hubUrl) => save({ hubUrl })}
            />
            <TextSetting
              label={t('python')}
              description={t('pythonText')}
              problem={t('badPython')}
              placeholder={t('pythonFound')}
              value={settings.pythonPath}
              isValid={(value) => Settings.shape.pythonPath.safeParse(value).success}
              onSave={(pythonPath) => save({ pythonPath })}
            />
          </div>
        )}
      </Panel>
    </>
  )
}

function ApiAddress() {
  const { t } = useTranslation('settings')
  const url = useSystemInfo((state) => state.value?.apiUrl)
  if (url === undefined) return null
  return (
    <div>
      <div className={classes['label']}>{t('address')}</div>
      {url === null ? (
        <span className={classes['quiet']}>{t('addressOff')}</span>
      ) : (
        <IdText id={url} text={url} />
      )}
    </div>
  )
}

interface SettingProps<Value> {
  label: string
  description: string
  problem: string
  value: Value
  isValid: (value: Value) => boolean
  onSave: (value: Value) => Promise<void>
}

/** A field with its own small form: the button is there only while the field differs from what is saved. */
function useSetting(
  saved: string | number,
  problemOf: (typed: string | number) => string | null,
  save: (typed: string | number) => Promise<void>,
) {
  const [busy, setBusy] = useState(false)
  const { disabled, title } = useMachineOffer('settings.manage')
  const field = useRef<HTMLInputElement>(null)
  const form = useForm<{ value: string | number }>({
    initialValues: { value: saved },
    validate: { value: problemOf },
  })
  const { setValues, resetDirty } = form
  useEffect(() => {
    setValues({ value: saved })
    resetDirty({ value: saved })
  }, [saved, setValues, resetDirty])
  const submit = form.onSubmit(async ({ value }) => {
    setBusy(true)
    await save(value)
    setBusy(false)
    // The button may have had the focus, which has then gone with it.
    if (document.activeElement === document.body) field.current?.focus()
  })
  const input = { ref: field, disabled, wrapperProps: { title }, ...form.getInputProps('value') }
  return { busy, input, isChanged: form.isDirty(), submit }
}

function TextSetting({ placeholder, ...props }: SettingProps<string> & { placeholder?: string }) {
  const { t } = useTranslation('common')
  const { busy, input, isChanged, submit } = useSetting(
    props.value,
    (typed) => (props.isValid(String(typed).trim()) ? null : props.problem),
    (typed) => props.onSave(String(typed).trim()),
  )
  return (
    <form className={classes['setting']} onSubmit={submit} noValidate>
      <TextInput
        label={props.label}
        description={props.description}
        placeholder={placeholder ?? ''}
        spellCheck={false}
        {...input}
      />
      {isChanged && <SubmitButton busy={busy}>{t('save')}</SubmitButton>}
    </form>
  )
}

function NumberSetting({ unit, ...props }: SettingProps<number> & { unit?: string }) {
  const { t } = useTranslation('common')
  const { busy, input, isChanged, submit } = useSetting(
    props.value,
    (typed) => (typeof typed === 'number' && props.isValid(typed) ? null : props.problem),
    (typed) => props.onSave(Number(typed)),
  )
  return (
    <form className={classes['setting']} onSubmit={submit} noValidate>
      <NumberInput
        label={props.label}
        description={props.description}
        min={0}
        hideControls
        suffix={unit === undefined ? '' : ` ${unit}`}
        {...input}
      />
      {isChanged && <SubmitButton busy={busy}>{t('save')}</SubmitButton>}
    </form>
  )
}
