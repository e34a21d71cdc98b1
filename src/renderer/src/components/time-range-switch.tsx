import { SegmentedControl } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { TIME_RANGES, type TimeRangeName, useTimeRange } from '../lib/time-range'

const NAMES = Object.keys(TIME_RANGES).filter((name): name is TimeRangeName =>
  Object.hasOwn(TIME_RANGES, name),
)

/** The time range of the charts, the same on every page. */
export function TimeRange() {
  const { t } = useTranslation('common')
  const range = useTimeRange((state) => state.range)
  const choose = useTimeRange((state) => state.choose)
  return (
    <SegmentedControl
      aria-label={t('timeRange')}
      value={range}
      onChange={(value) => {
        const name = NAMES.find((candidate) => candidate === value)
        if (name) choose(name)
      }}
      data={NAMES.map((name) => ({ value: name, label: t(`range.${name}`) }))}
    />
  )
}
