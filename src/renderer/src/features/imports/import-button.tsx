import { Button, type ButtonProps } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { openImport } from './store'

/** Opens the import dialog. */
export function ImportButton(props: ButtonProps) {
  const { t } = useTranslation('imports')
  return (
    <Button leftSection={<IconUpload size={15} stroke={1.6} />} {...props} onClick={openImport}>
      {t('button')}
    </Button>
  )
}
