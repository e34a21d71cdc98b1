import { MultiSelect } from '@mantine/core'
import { ACTION_NAMES, type Action, isAction } from '@shared/domain/actions'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { actionWords } from '../policy-words'

/** What a key is limited to, within what its owner may do. */
export function ScopesField(props: { value: readonly Action[]; onChange: (value: Action[]) => void }) {
  const { t } = useTranslation('access')
  const data = useMemo(() => ACTION_NAMES.map((value) => ({ value, label: actionWords(t, value) })), [t])
  return (
    <MultiSelect
      label={t('scopes.label')}
      description={t('scopes.help')}
      placeholder={props.value.length === 0 ? t('scopes.everything') : ''}
      data={data}
      value={[...props.value]}
      onChange={(values) => props.onChange(values.filter(isAction))}
      searchable
      clearable
      hidePickedOptions
      maxDropdownHeight={260}
      nothingFoundMessage={t('scopes.nothingFits')}
      comboboxProps={{ transitionProps: { duration: 80 } }}
    />
  )
}
