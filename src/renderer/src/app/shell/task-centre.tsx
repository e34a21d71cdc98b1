import { ActionIcon, Indicator, Popover, Tooltip } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconListCheck, IconPackageImport } from '@tabler/icons-react'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import type { Import, StorageTask as Task } from '../../../../shared/contract'
import { EmptyState } from '../../components'
import { ImportTask, isActive } from '../../features/imports'
import { useTaskCentre } from '../../lib/imports'
import { useList } from '../../lib/live'
import { useRoute } from '../../lib/router'
import { useImports, useStorageTasks } from '../../lib/stores'
import classes from './shell.module.css'
import { StorageTask } from './storage-task'

const newestFirst = (a: Import | Task, b: Import | Task) => (a.createdAt < b.createdAt ? 1 : -1)
const SHOWN = 20

/** Imports and work on the store with their progress and outcome, under one button. */
export function TaskCentre() {
  const { t } = useTranslation('shell')
  const { opened, setOpened } = useTaskCentre()
  const route = useRoute()
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever goes elsewhere is done with the list
  useEffect(() => setOpened(false), [route, setOpened])
  // A button that goes away with what it ended takes the focus with it; the key must close the list all the same.
  useHotkeys(opened ? [['Escape', () => setOpened(false)]] : [])
  const imports = useList(useImports, newestFirst)
  const maintenance = useList(useStorageTasks, newestFirst)
  const active =
    imports.filter(isActive).length + maintenance.filter(({ state }) => state === 'running').length
  const shown = [...imports, ...maintenance].sort(newestFirst).slice(0, SHOWN)
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
        {shown.length === 0 ? (
          <EmptyState compact icon={IconPackageImport} title={t('tasksEmpty')} text={t('tasksEmptyText')} />
        ) : (
          <ul className={classes['tasks']}>
            {shown.map((item) =>
              'source' in item ? (
                <ImportTask key={item.id} item={item} onLeave={() => setOpened(false)} />
              ) : (
                <StorageTask key={item.id} task={item} />
              ),
            )}
          </ul>
        )}
      </Popover.Dropdown>
    </Popover>
  )
}
