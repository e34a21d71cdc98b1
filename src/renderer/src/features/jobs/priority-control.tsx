import { Button, NumberInput } from '@mantine/core'
import type { Job } from '@shared/contract'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { setPriority } from './job-actions'

/** The priority as a number, changed on Enter or when the field is left, and in steps of ten. */
export function PriorityControl({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const [typed, setTyped] = useState<number | string>(job.priority)
  useEffect(() => setTyped(job.priority), [job.priority])
  const commit = () => {
    if (typeof typed === 'number' && typed !== job.priority) void setPriority(job, typed)
    else setTyped(job.priority)
  }
  return (
    <div style={{ display: 'flex', gap: 8 }}>
      <NumberInput
        w={84}
        min={0}
        max={100}
        allowDecimal={false}
        aria-label={t('detail.priority')}
        value={typed}
        onChange={setTyped}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === 'Enter') commit()
        }}
      />
      <Button
        variant="default"
        disabled={job.priority >= 100}
        onClick={() => void setPriority(job, job.priority + 10)}
      >
        {t('detail.plusTen')}
      </Button>
      <Button
        variant="default"
        disabled={job.priority <= 0}
        onClick={() => void setPriority(job, job.priority - 10)}
      >
        {t('detail.minusTen')}
      </Button>
    </div>
  )
}
