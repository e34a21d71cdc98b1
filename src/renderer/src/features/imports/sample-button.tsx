import { Button } from '@mantine/core'
import type { Sample } from '@shared/contract'
import { IconFlask } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'

/** Brings in what comes with the program, where there is nothing of one's own to try yet. */
export function SampleButton({ sample }: { sample: Sample }) {
  const { t } = useTranslation('imports')
  const [begun, setBegun] = useState(false)
  async function begin(): Promise<void> {
    setBegun(true)
    try {
      await getClient().storage.imports.startSample({ sample })
    } catch (error) {
      setBegun(false)
      notifyError(error)
    }
  }
  return (
    <Button
      variant="default"
      leftSection={<IconFlask size={15} stroke={1.6} />}
      disabled={begun}
      onClick={() => void begin()}
    >
      {t('sample')}
    </Button>
  )
}
