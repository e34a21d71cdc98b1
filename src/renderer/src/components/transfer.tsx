import { Progress } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { formatBytes, formatDuration } from '../lib/format'
import { advance, type Pace, remainingMs } from '../lib/pace'
import classes from './components.module.css'

/** Bytes on their way: a bar, how many of how many, and the time that is left once it can be told. */
export function Transfer(props: { label: string; bytesDone: number; bytesTotal: number; atEnd: string }) {
  const { t } = useTranslation('common')
  const { bytesDone, bytesTotal } = props
  const [pace, setPace] = useState<Pace | null>(null)
  useEffect(() => setPace((before) => advance(before, bytesDone, performance.now())), [bytesDone])
  const leftMs = pace && bytesTotal > 0 ? remainingMs(pace, bytesTotal) : null
  const ended = bytesTotal > 0 && bytesDone >= bytesTotal
  const size = `${formatBytes(bytesDone)} / ${bytesTotal > 0 ? formatBytes(bytesTotal) : '?'}`
  return (
    <>
      <Progress
        size={5}
        value={bytesTotal > 0 ? (bytesDone / bytesTotal) * 100 : 0}
        animated={ended}
        aria-label={props.label}
        transitionDuration={200}
      />
      <div className={classes['transfer']} data-figures>
        <span>{ended ? props.atEnd : size}</span>
        {!ended && leftMs !== null && <span>{t('timeLeft', { time: formatDuration(leftMs) })}</span>}
      </div>
    </>
  )
}
