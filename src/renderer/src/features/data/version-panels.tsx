import { ActionIcon, Button } from '@mantine/core'
import type { DatasetVersion } from '@shared/contract'
import { IconDownload, IconPlus } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Bytes, Facts, IdText, Panel, RelativeTime, Snippet } from '../../components'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { chooseAndImport } from '../../lib/imports'
import { usePrincipalNames } from '../../lib/principal-names'
import { pathTo, RouteLink } from '../../lib/router'
import { useJobs, useModels, useSystemInfo } from '../../lib/stores'
import { FindingList } from '../imports'
import { shortDigest } from '../models'
import { batchSnippet } from './curl'
import classes from './data.module.css'

/** Files shown by name; of a folder of thousands of images the rest is in the archive. */
const FILES_SHOWN = 100

/** Where the window saves a version, or a file of it, from. */
export function downloadPath(version: DatasetVersion, file?: string): string {
  const base = `/api/datasets/${encodeURIComponent(version.dataset)}/versions/${version.version}`
  if (file === undefined) return `${base}/archive`
  return `${base}/files/${file.split('/').map(encodeURIComponent).join('/')}`
}

/** The versions, newest first; a file adds the next one. */
export function VersionsPanel(props: { versions: readonly DatasetVersion[]; selected: number }) {
  const { t } = useTranslation('data')
  const locale = localeOf(useLanguage((state) => state.language))
  const nameOf = usePrincipalNames()
  const { versions, selected } = props
  const name = versions[0]?.dataset ?? ''
  return (
    <Panel
      title={t('versionsTitle')}
      aside={
        <Button
          size="compact-xs"
          variant="default"
          leftSection={<IconPlus size={14} stroke={1.6} />}
          onClick={() => chooseAndImport('file', { name })}
        >
          {t('addVersion')}
        </Button>
      }
    >
      <ol className={classes['versions']}>
        {versions.map((version) => (
          <li key={version.version} data-selected={version.version === selected || undefined}>
            <RouteLink
              to={pathTo('data', name, version.version)}
              className={classes['versionLink']}
              aria-current={version.version === selected ? 'true' : undefined}
            >
              <strong>{t('version', { version: version.version })}</strong>
              <span className={classes['note']}>
                {t('rows.count', { count: version.rows })} · {formatNumber(version.columns.length, locale)}{' '}
                {t('columns.unit', { count: version.columns.length })}
              </span>
              <span className={classes['note']}>
                <RelativeTime at={version.createdAt} /> · {t('addedBy', { name: nameOf(version.createdBy) })}
              </span>
            </RouteLink>
          </li>
        ))}
      </ol>
    </Panel>
  )
}

/** What a version is, and what was found when it came in. */
export function AboutPanel({ version }: { version: DatasetVersion }) {
  const { t } = useTranslation('data')
  const rows: [string, ReactNode][] = [
    [t('column.format'), t(`format.${version.format}`)],
    [t('column.size'), <Bytes key="size" value={version.sizeBytes} />],
    [
      t('about.digest'),
      <IdText key="digest" id={version.digest} text={`sha256 ${shortDigest(version.digest)}`} />,
    ],
  ]
  return (
    <Panel title={t('about.title')}>
      <Facts rows={rows} />
      <h3 className={classes['subTitle']}>{t('about.findings')}</h3>
      {version.findings.length === 0 ? (
        <div className={classes['note']}>{t('about.noFindings')}</div>
      ) : (
        <FindingList findings={version.findings} />
      )}
    </Panel>
  )
}

/** Each file with its digest, to save one by one. */
export function FilesPanel({ version }: { version: DatasetVersion }) {
  const { t } = useTranslation('data')
  const more = version.files.length - FILES_SHOWN
  return (
    <Panel title={t('files.title')} aside={t('files.count', { count: version.files.length })}>
      <ul className={classes['files']}>
        {version.files.slice(0, FILES_SHOWN).map((file) => (
          <li key={file.path} className={classes['item']}>
            <div className={classes['file']}>
              <div className={classes['cut']} title={file.path}>
                <bdi>{file.path}</bdi>
              </div>
              <div className={classes['note']}>
                <Bytes value={file.sizeBytes} /> ·{' '}
                <IdText id={file.digest} text={`sha256 ${shortDigest(file.digest)}`} />
              </div>
            </div>
            <ActionIcon
              component="a"
              size={22}
              href={downloadPath(version, file.path)}
              download
              aria-label={t('files.save', { path: file.path })}
            >
              <IconDownload size={14} stroke={1.6} />
            </ActionIcon>
          </li>
        ))}
      </ul>
      {more > 0 && <div className={classes['note']}>{t('files.more', { count: more })}</div>}
    </Panel>
  )
}

/** A command that runs a model over this version: the one that last did, else any model there is. */
export function UsePanel({ version }: { version: DatasetVersion }) {
  const { t } = useTranslation('data')
  const apiUrl = useSystemInfo((state) => state.value?.apiUrl)
  const reference = `${version.dataset}@${version.version}`
  const reader = useJobs((state) => {
    for (const job of state.items.values()) if (job.dataset === reference && job.model) return job.model
    return null
  })
  const model = useModels((state) => {
    for (const { name, latest } of state.items.values()) return `${name}@${latest}`
    return null
  })
  if (!apiUrl) return <Panel title={t('use.title')}>{t('use.off')}</Panel>
  return (
    <Snippet
      title={t('use.title')}
      label={t('use.label', { reference })}
      text={batchSnippet(apiUrl, reader ?? model ?? 'MODEL@VERSION', reference)}
      note={t('use.text')}
    />
  )
}
