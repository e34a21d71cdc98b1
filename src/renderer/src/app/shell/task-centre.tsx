import { ActionIcon, Indicator, Popover, Tooltip } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconListCheck, IconPackageImport } from '@tabler/icons-react'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import type { Import } from '../../../../shared/contract'
import { EmptyState } from '../../components'
import { ImportTask, isActive } from '../../features/imports'
import { useTaskCentre } from '../../lib/imports'
import { useList } from '../../lib/live'
import { useRoute } from '../../lib/router'
import { useImports } from '../../lib/stores'
import classes from './shell.module.css'

const newestFirst = (a: Import, b: Import) => (a.createdAt < b.createdAt ? 1 : -1)
const SHOWN = 20

/** Every import with its progress and outcome, under one button. */
export function TaskCentre() {
  const { t } = useTranslation('shell')
  const { opened, setOpened } = useTaskCentre()
  const route = useRoute()
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever goes elsewhere is done with the list
  useEffect(() => setOpened(false), [route, setOpened])
  // A button that goes away with what it ended takes the focus with it; the key must close the list all the same.
  useHotkeys(opened ? [['Escape', () => setOpened(false)]] : [])
  const imports = useList(useImports, newestFirst)
  const active = imports.filter(isActive).length
  const label = active > 0 ? t('tasksActive', { count: active }) : t('tasks')
  return (
    <Popover opened={opened} onChange={setOpened} width={380} position="bottom-end" trapFocus>
      <Popover.Target>
        <Tooltip label={label} disabled={opened}>
          <ActionIcon aria-label={label} aria-expanded={opened} onClick={() => setOpened(!opened)}>
            <Indicator size={7} offset={1} disabled={active === 0} color="indigo.5">
              <IconListCheck size={17} stroke={1.6} />
            </Indicator>
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown p={0} aria-label={t('tasks')}>
        <div className={classes['dropHead']}>
          <strong>{t('tasks')}</strong>
        </div>
        {imports.length === 0 ? (
          <EmptyState compact icon={IconPackageImport} title={t('tasksEmpty')} text={t('tasksEmptyText')} />
        ) : (
          <ul className={classes['tasks']}>
            {imports.slice(0, SHOWN).map((item) => (
              <ImportTask key={item.id} item={item} onLeave={() => setOpened(false)} />
            ))}
          </ul>
        )}
      </Popover.Dropdown>
    </Popover>
  )
}
