import { Select, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { systemNow } from '../../../lib/clock'
import classes from '../access.module.css'
import { EXPIRIES, type Expiry, expiresAt } from '../keys'

export interface ExpiryChoice {
  choice: Expiry
  /** `2026-03-01`, for `date`. */
  day: string
}

export const NEVER: ExpiryChoice = { choice: 'never', day: '' }

function tomorrow(): string {
  const day = new Date(systemNow())
  day.setDate(day.getDate() + 1)
  const two = (number: number) => String(number).padStart(2, '0')
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`
}

/** When a key ends: never, after a while, or with a day. */
export function ExpiryField(props: { value: ExpiryChoice; onChange: (value: ExpiryChoice) => void }) {
  const { t } = useTranslation('access')
  const { value, onChange } = props
  const wrong = value.day !== '' && expiresAt('date', value.day, systemNow()) === null
  return (
    <div className={classes['row']}>
      <Select
        label={t('expiry.label')}
        data={EXPIRIES.map((choice) => ({ value: choice, label: t(`expiry.${choice}`) }))}
        value={value.choice}
        allowDeselect={false}
        onChange={(text) => {
          const choice = EXPIRIES.find((name) => name === text)
          if (choice) onChange({ ...value, choice })
        }}
      />
      {value.choice === 'date' ? (
        <TextInput
          type="date"
          label={t('expiry.day')}
          min={tomorrow()}
          value={value.day}
          error={wrong ? t('expiry.dayProblem') : null}
          onChange={(event) => onChange({ ...value, day: event.currentTarget.value })}
        />
      ) : (
        <div />
      )}
    </div>
  )
}
