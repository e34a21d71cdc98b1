import { Button, NumberInput } from '@mantine/core'
import type { Job } from '@shared/contract'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { asPriority, setPriority } from './job-actions'

/** The priority as a number, changed on Enter or when the field is left, and in steps of ten. */
export function PriorityControl({ job }: { job: Job }) {
  const { t } = useTranslation('jobs')
  const [typed, setTyped] = useState<number | string>(job.priority)
  /** Changes that are under way: what is told of the job meanwhile is older than what is asked for. */
  const asking = useRef(0)
  const told = useRef(job.priority)
  useEffect(() => {
    told.current = job.priority
    if (asking.current === 0) setTyped(job.priority)
  }, [job.priority])
  async function change(to: number): Promise<void> {
    const priority = asPriority(to)
    setTyped(priority)
    asking.current++
    const isSet = await setPriority(job, priority)
    asking.current--
    if (!isSet && asking.current === 0) setTyped(told.current)
  }
  const commit = () => {
    if (typeof typed === 'number' && typed !== job.priority) void change(typed)
    else setTyped(job.priority)
  }
  // From what was asked for last: the job itself follows a moment later.
  const asked = typeof typed === 'number' ? typed : job.priority
  const step = (by: number) => {
    const isAtEnd = asPriority(asked + by) === asked
    // Not disabled at the end that it has come to: it keeps the focus.
    return {
      'aria-disabled': isAtEnd,
      'data-disabled': isAtEnd || undefined,
      onClick: () => isAtEnd || void change(asked + by),
    }
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
      <Button variant="default" {...step(10)}>
        {t('detail.plusTen')}
      </Button>
      <Button variant="default" {...step(-10)}>
        {t('detail.minusTen')}
      </Button>
    </div>
  )
}
