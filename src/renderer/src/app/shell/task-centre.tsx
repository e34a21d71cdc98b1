import { ActionIcon, Anchor, Button, Indicator, Popover, Progress, Tooltip } from '@mantine/core'
import { IconListCheck, IconPackageImport, IconX } from '@tabler/icons-react'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import type { Import } from '../../../../shared/contract'
import { EmptyState, RelativeTime, StateDot } from '../../components'
import { getClient } from '../../lib/client'
import { notifyError } from '../../lib/errors'
import { formatBytes } from '../../lib/format'
import { useTaskCentre } from '../../lib/imports'
import { useList } from '../../lib/live'
import { pathTo, RouteLink, useRoute } from '../../lib/router'
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
  const imports = useList(useImports, newestFirst)
  const active = imports.filter((item) => item.state === 'running' || item.state === 'waiting').length
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
              <Task key={item.id} item={item} />
            ))}
          </ul>
        )}
      </Popover.Dropdown>
    </Popover>
  )
}

function Task({ item }: { item: Import }) {
  const { t } = useTranslation('shell')
  const share = item.bytesTotal > 0 ? item.bytesDone / item.bytesTotal : 0
  const { setOpened } = useTaskCentre()
  return (
    <li className={classes['task']}>
      <div className={classes['taskHead']}>
        <span className={classes['taskName']} title={item.source}>
          {item.source}
        </span>
        <StateDot state={item.state} />
        {item.state === 'running' && (
          <ActionIcon
            size={22}
            aria-label={t('cancelImport', { source: item.source })}
            onClick={() => void getClient().storage.imports.cancel({ id: item.id }).catch(notifyError)}
          >
            <IconX size={14} stroke={1.6} />
          </ActionIcon>
        )}
      </div>
      {item.state === 'running' && (
        <>
          <Progress size={5} value={share * 100} aria-label={item.source} transitionDuration={200} />
          <div className={classes['quiet']}>
            {share >= 1 ? t('checking') : `${formatBytes(item.bytesDone)} / ${formatBytes(item.bytesTotal)}`}
          </div>
        </>
      )}
      {item.state === 'completed' && item.model !== null && item.version !== null && (
        <div className={classes['taskFoot']}>
          <Anchor
            component={RouteLink}
            size="xs"
            to={pathTo('models', item.model, item.version)}
            onClick={() => setOpened(false)}
          >
            {item.known
              ? t('importKnown', { model: item.model, version: item.version })
              : t('importReady', { model: item.model, version: item.version })}
          </Anchor>
          <span className={classes['quiet']}>
            <RelativeTime at={item.finishedAt} />
          </span>
        </div>
      )}
      {(item.state === 'failed' || item.state === 'rejected') && (
        <>
          <div className={classes['taskWhy']} data-tone="failed">
            {reasonOf(item)}
          </div>
          <div className={classes['quiet']}>
            <RelativeTime at={item.finishedAt} />
          </div>
        </>
      )}
      {item.state === 'waiting' && <ImportQuestion item={item} />}
    </li>
  )
}

/** Why an import ended badly, in the words of its findings. */
export function reasonOf(item: Import): string {
  const rejecting = item.findings.filter((finding) => finding.severity === 'reject')
  return rejecting.map((finding) => finding.message).join(' ') || item.error?.message || ''
}

/** The findings of an import that waits, with the two answers. */
export function ImportQuestion({ item }: { item: Import }) {
  const { t } = useTranslation(['shell', 'common'])
  return (
    <>
      {item.findings
        .filter((finding) => finding.severity !== 'info')
        .map((finding) => (
          <div key={`${finding.file}:${finding.code}`} className={classes['taskWhy']} data-tone="waiting">
            {finding.message}
          </div>
        ))}
      <div className={classes['taskFoot']}>
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => void getClient().storage.imports.cancel({ id: item.id }).catch(notifyError)}
        >
          {t('common:cancel')}
        </Button>
        <Button
          size="compact-xs"
          onClick={() => void getClient().storage.imports.confirm({ id: item.id }).catch(notifyError)}
        >
          {t('shell:confirmImport')}
        </Button>
      </div>
    </>
  )
}
