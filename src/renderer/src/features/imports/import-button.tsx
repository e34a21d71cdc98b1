import { Button, type ButtonProps } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useMachineOffer } from '../../lib/rights'
import { openImport } from './store'

/** Opens the import dialog; without words of its own it speaks of models. */
export function ImportButton({ children, ...props }: ButtonProps & { children?: ReactNode }) {
  const { t } = useTranslation('imports')
  const upload = useMachineOffer('model.import')
  const byPath = useMachineOffer('model.import_path')
  return (
    <Button
      leftSection={<IconUpload size={15} stroke={1.6} />}
      {...props}
      {...(byPath.disabled ? upload : byPath)}
      onClick={openImport}
    >
      {children ?? t('button')}
    </Button>
  )
}
