import type { Import, Sample } from '@shared/contract'
import { IconFlask } from '@tabler/icons-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { BusyButton } from '../../components'
import { getClient } from '../../lib/client'
import { useMachineOffer } from '../../lib/rights'
import { useImports } from '../../lib/stores'
import { useAct } from '../../lib/use-act'
import { isActive } from './words'

/** Brings in what comes with the program, where there is nothing of one's own to try yet. */
export function SampleButton({ sample }: { sample: Sample }) {
  const { t } = useTranslation('imports')
  const { busy, act } = useAct()
  const [begun, setBegun] = useState<Import | null>(null)
  const present = useImports((state) => begun && (state.items.get(begun.id) ?? begun))
  return (
    <BusyButton
      leftSection={<IconFlask size={15} stroke={1.6} />}
      {...useMachineOffer('model.import')}
      busy={busy || (present !== null && isActive(present))}
      onClick={() =>
        void act(async () => setBegun(await getClient().storage.imports.startSample({ sample })))
      }
    >
      {t('sample')}
    </BusyButton>
  )
}
