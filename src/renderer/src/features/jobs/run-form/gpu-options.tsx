import { NumberInput, Select } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useDevices } from '../../../lib/stores'
import type { GpuChoice } from './gpu-need'

const PARTS = [0.25, 0.5] as const

/** What a job computes on: the CPU, or so much of a GPU. Not asked where there is none. */
export function GpuOptions(props: { choice: GpuChoice; change: (change: Partial<GpuChoice>) => void }) {
  const { t } = useTranslation('jobs')
  const { choice, change } = props
  const devices = useDevices((state) => state.items)
  const gpus = [...devices.values()].filter(({ kind, health }) => kind === 'gpu' && health === 'ok').length
  if (gpus === 0 && choice.gpu === null) return null
  const wholes = Array.from({ length: Math.max(gpus, Math.ceil(choice.gpu ?? 0)) }, (_, i) => i + 1)
  const shares = [...PARTS, ...wholes]
  const nameOf = (share: number) =>
    share === 0.25 ? t('run.gpuQuarter') : share === 0.5 ? t('run.gpuHalf') : t('run.gpus', { count: share })
  return (
    <>
      <Select
        label={t('run.computesOn')}
        allowDeselect={false}
        data={[
          { value: '', label: t('run.onCpu') },
          ...shares.map((share) => ({ value: `${share}`, label: nameOf(share) })),
        ]}
        value={choice.gpu === null ? '' : `${choice.gpu}`}
        onChange={(value) => change({ gpu: shares.find((share) => `${share}` === value) ?? null })}
      />
      {choice.gpu !== null && (
        <NumberInput
          label={t('run.gpuMemory')}
          placeholder={t('run.gpuMemoryAny')}
          min={0}
          max={100_000}
          value={choice.gpuGigabytes ?? ''}
          onChange={(value) =>
            change({ gpuGigabytes: typeof value === 'number' && value > 0 ? value : null })
          }
        />
      )}
    </>
  )
}
