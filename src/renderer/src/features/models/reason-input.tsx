import { TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'

/** Why an alias is moved or its traffic split, for its history. */
export function ReasonInput(props: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation('models')
  return (
    <TextInput
      label={t('alias.reason')}
      description={t('alias.reasonHelp')}
      maxLength={500}
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  )
}
