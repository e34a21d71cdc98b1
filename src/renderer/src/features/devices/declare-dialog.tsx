import { Button, Group, NumberInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { notifications } from '@mantine/notifications'
import { DeviceKind } from '@shared/contract'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Modal, SubmitButton } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { capacityOf, type DeclarationForm, problemsOf } from './declaration'

const INITIAL: DeclarationForm = {
  kind: 'fpga',
  name: '',
  vendor: '',
  count: 1,
  memoryGb: '',
  customName: '',
  customAmount: '',
}

/** Asks for a device that cannot be detected. */
export function DeclareDialog(props: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('devices')
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={t('form.title')} size={440}>
      <DeclareForm onDone={props.onClose} />
    </Modal>
  )
}

function DeclareForm({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation(['devices', 'common'])
  const [busy, setBusy] = useState(false)
  const form = useForm<DeclarationForm>({
    initialValues: INITIAL,
    validate: (values) =>
      Object.fromEntries(
        Object.entries(problemsOf(values)).map(([field, problem]) => [field, t(`devices:form.${problem}`)]),
      ),
  })
  const { kind } = form.values

  async function declare(values: DeclarationForm): Promise<void> {
    setBusy(true)
    try {
      const device = await getClient().core.devices.declare({
        kind: values.kind,
        name: values.name,
        vendor: values.vendor,
        capacity: capacityOf(values),
      })
      notifications.show({
        color: 'teal',
        message: t('devices:form.done', { name: device.name }),
        withBorder: true,
      })
      onDone()
    } catch (error) {
      notifyError(error)
    } finally {
      setBusy(false)
    }
  }

  return (
    <form onSubmit={form.onSubmit((values) => void declare(values))} noValidate>
      <Stack gap="sm">
        <Text c="dimmed">{t('devices:form.text')}</Text>
        <Group grow align="start">
          <Select
            label={t('devices:form.kind')}
            allowDeselect={false}
            data={DeviceKind.options.map((value) => ({ value, label: t(`common:device.${value}`) }))}
            {...form.getInputProps('kind')}
          />
          <NumberInput
            label={kind === 'cpu' ? t('devices:form.cores') : t('devices:form.count')}
            min={0}
            {...form.getInputProps('count')}
          />
        </Group>
        <TextInput
          label={t('devices:form.name')}
          placeholder={t('devices:form.namePlaceholder')}
          maxLength={120}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <TextInput label={t('devices:form.vendor')} maxLength={120} {...form.getInputProps('vendor')} />
        {(kind === 'cpu' || kind === 'gpu') && (
          <NumberInput
            label={kind === 'cpu' ? t('devices:form.memory') : t('devices:form.gpuMemory')}
            min={0}
            {...form.getInputProps('memoryGb')}
          />
        )}
        <Group grow align="start">
          <TextInput
            label={t('devices:form.custom')}
            placeholder={t('devices:form.customPlaceholder')}
            {...form.getInputProps('customName')}
          />
          {form.values.customName !== '' && (
            <NumberInput
              label={t('devices:form.customAmount')}
              min={0}
              {...form.getInputProps('customAmount')}
            />
          )}
        </Group>
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onDone}>
            {t('common:cancel')}
          </Button>
          <SubmitButton busy={busy}>{t('devices:form.submit')}</SubmitButton>
        </Group>
      </Stack>
    </form>
  )
}
