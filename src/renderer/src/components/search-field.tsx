import { CloseButton, TextInput, type TextInputProps } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'

interface SearchFieldProps extends Pick<TextInputProps, 'w' | 'className'> {
  label: string
  value: string
  onChange: (text: string) => void
}

/** Narrows what a page lists to what is typed; Escape and its button clear it, Ctrl+F and `/` come to it. */
export function SearchField({ label, value, onChange, ...layout }: SearchFieldProps) {
  const { t } = useTranslation('common')
  const input = useRef<HTMLInputElement>(null)
  return (
    <TextInput
      ref={input}
      data-search
      {...layout}
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={14} stroke={1.6} />}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || value === '' || event.nativeEvent.isComposing) return
        event.preventDefault()
        onChange('')
      }}
      rightSection={
        value !== '' && (
          <CloseButton
            size="xs"
            aria-label={t('clearSearch')}
            onClick={() => {
              onChange('')
              input.current?.focus()
            }}
          />
        )
      }
    />
  )
}
