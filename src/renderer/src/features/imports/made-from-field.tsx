import { MultiSelect } from '@mantine/core'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { useDatasets, useModels } from '../../lib/stores'
import { originsOf } from './made-from'

/** More is not looked through, but searched. */
const SHOWN = 100

/** The versions that an import was made from, chosen among those that are here. */
export function MadeFromField(props: { value: string[]; onChange(value: string[]): void }) {
  const { t } = useTranslation('imports')
  const models = useModels((state) => state.items)
  const datasets = useDatasets((state) => state.items)
  const data = useMemo(
    () => [
      { group: t('madeFromModels'), items: originsOf('model', models.values()) },
      { group: t('madeFromDatasets'), items: originsOf('dataset', datasets.values()) },
    ],
    [t, models, datasets],
  )
  return (
    <MultiSelect
      size="xs"
      label={t('madeFrom')}
      description={t('madeFromText')}
      nothingFoundMessage={t('madeFromNone')}
      searchable
      clearable
      hidePickedOptions
      limit={SHOWN}
      maxValues={100}
      data={data}
      value={props.value}
      onChange={props.onChange}
    />
  )
}
