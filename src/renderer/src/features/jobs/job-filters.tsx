import { ActionIcon, Button, Menu, Tooltip } from '@mantine/core'
import { JobKind } from '@shared/contract'
import { IconArrowsSort, IconChevronDown } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { SearchField } from '../../components'
import { STATE_GROUPS } from './job-list'
import classes from './jobs.module.css'
import { useJobsView } from './jobs-store'

/** A filter as a button that says what it is set to; a menu chooses, a cross clears. */
function Chip<Value extends string>(props: {
  name: string
  value: Value | null
  any: string
  choices: readonly { value: Value; label: string }[]
  onChange: (value: Value | null) => void
}) {
  const { t } = useTranslation('jobs')
  const { name, value, any, choices, onChange } = props
  const label = choices.find((choice) => choice.value === value)?.label ?? value ?? any
  return (
    <Button.Group>
      <Menu position="bottom-start">
        <Menu.Target>
          <Button
            variant="default"
            className={classes['chip']}
            rightSection={value === null ? <IconChevronDown size={14} stroke={1.6} /> : undefined}
          >
            {name}: {label}
          </Button>
        </Menu.Target>
        <Menu.Dropdown mah={320} style={{ overflowY: 'auto' }}>
          <Menu.Item onClick={() => onChange(null)} aria-current={value === null}>
            {any}
          </Menu.Item>
          {choices.map((choice) => (
            <Menu.Item
              key={choice.value}
              onClick={() => onChange(choice.value)}
              aria-current={choice.value === value}
            >
              {choice.label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {value !== null && (
        <Button
          variant="default"
          px={7}
          aria-label={t('filter.clear', { name })}
          onClick={() => onChange(null)}
        >
          ×
        </Button>
      )}
    </Button.Group>
  )
}

/** What the list shows and in which order. */
export function JobFilters(props: {
  models: readonly string[]
  principals: readonly string[]
  nameOf: (principal: string) => string
}) {
  const { t } = useTranslation('jobs')
  const { filter, sort, setFilter, setSort, reverse } = useJobsView()
  const same = (value: string) => ({ value, label: value })
  return (
    <>
      <SearchField
        w={210}
        label={t('filter.search')}
        value={filter.text}
        onChange={(text) => setFilter({ text })}
      />
      <Chip
        name={t('filter.state')}
        value={filter.group === 'all' ? null : filter.group}
        any={t('group.all')}
        choices={STATE_GROUPS.filter((group) => group !== 'all').map((group) => ({
          value: group,
          label: t(`group.${group}`),
        }))}
        onChange={(group) => setFilter({ group: group ?? 'all' })}
      />
      <Chip
        name={t('filter.kind')}
        value={filter.kind}
        any={t('filter.any')}
        choices={JobKind.options.map((kind) => ({ value: kind, label: t(`kind.${kind}`) }))}
        onChange={(kind) => setFilter({ kind })}
      />
      {(props.models.length > 1 || filter.model !== null) && (
        <Chip
          name={t('filter.model')}
          value={filter.model}
          any={t('filter.any')}
          choices={props.models.map(same)}
          onChange={(model) => setFilter({ model })}
        />
      )}
      {(props.principals.length > 1 || filter.principal !== null) && (
        <Chip
          name={t('filter.principal')}
          value={filter.principal}
          any={t('filter.anyone')}
          choices={props.principals.map((id) => ({ value: id, label: props.nameOf(id) }))}
          onChange={(principal) => setFilter({ principal })}
        />
      )}
      <Button.Group>
        <Menu position="bottom-start">
          <Menu.Target>
            <Button
              variant="default"
              className={classes['chip']}
              rightSection={<IconChevronDown size={14} stroke={1.6} />}
            >
              {t('filter.sort')}: {t(`sort.${sort}`)}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {(['priority', 'age'] as const).map((order) => (
              <Menu.Item key={order} onClick={() => setSort(order)} aria-current={order === sort}>
                {t(`sort.${order}`)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
        <Tooltip label={t('filter.reverse')}>
          <ActionIcon variant="default" aria-label={t('filter.reverse')} onClick={reverse}>
            <IconArrowsSort size={15} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Button.Group>
    </>
  )
}
