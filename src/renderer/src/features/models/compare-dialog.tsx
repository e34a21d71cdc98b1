import { ActionIcon, Modal, Select, Tooltip } from '@mantine/core'
import type { Model, ModelDiff } from '@shared/contract'
import { formatBytes } from '@shared/domain/units'
import { IconArrowsExchange } from '@tabler/icons-react'
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ErrorState, Mono } from '../../components'
import { getClient } from '../../lib/client'
import { useAsked } from '../jobs'
import { type DiffRow, diffSentences, growthText, metadataRows, signatureRows } from './diff-words'
import classes from './models.module.css'

function Rows({ rows, title }: { rows: readonly DiffRow[]; title: string }) {
  const { t } = useTranslation('models')
  return (
    <table className={`${classes['table']} ${classes['fixed']}`} aria-label={title}>
      <tbody>
        {rows.map((row) => (
          <tr key={row.name}>
            <td>{t(`compareDialog.change.${row.change}`)}</td>
            <th scope="row">{row.name}</th>
            <td>
              <Mono>{row.from || '–'}</Mono>
            </td>
            <td>
              <Mono>{row.to || '–'}</Mono>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Comparison({ diff }: { diff: ModelDiff }) {
  const { t } = useTranslation('models')
  const [verdict, ...details] = diffSentences(diff)
  const { from, to } = diff.sizeBytes
  const growth = growthText(from, to)
  const metadata = metadataRows(diff)
  const signature = [...signatureRows(diff.inputs), ...signatureRows(diff.outputs)]
  const files: DiffRow[] = diff.files.map((file) => ({
    name: file.path,
    change: file.change,
    from: file.change === 'added' ? '' : formatBytes(file.fromBytes),
    to: file.change === 'removed' ? '' : formatBytes(file.toBytes),
  }))
  return (
    <>
      {verdict && (
        <div
          className={classes['verdict']}
          style={{ '--mark': verdict.key === 'incompatible' ? 'var(--app-failed)' : 'var(--app-succeeded)' }}
        >
          <strong>{t(`compareDialog.${verdict.key}`, verdict.values)}</strong>
          {details.length > 0 && (
            <ul>
              {details.map((sentence) => {
                const text = t(`compareDialog.${sentence.key}`, sentence.values)
                return <li key={text}>{text}</li>
              })}
            </ul>
          )}
        </div>
      )}
      <section>
        <h3 className={classes['sectionTitle']}>{t('compareDialog.size')}</h3>
        {from === to
          ? `${formatBytes(from)}, ${t('compareDialog.sizeSame')}`
          : `${formatBytes(from)} → ${formatBytes(to)}${growth ? ` (${growth})` : ''}`}
      </section>
      {signature.length > 0 && (
        <section>
          <h3 className={classes['sectionTitle']}>{t('compareDialog.signature')}</h3>
          <Rows rows={signature} title={t('compareDialog.signature')} />
        </section>
      )}
      <section>
        <h3 className={classes['sectionTitle']}>{t('compareDialog.metadata')}</h3>
        {metadata.length > 0 ? (
          <Rows rows={metadata} title={t('compareDialog.metadata')} />
        ) : (
          <div className={classes['note']}>{t('compareDialog.metadataSame')}</div>
        )}
      </section>
      <section>
        <h3 className={classes['sectionTitle']}>{t('compareDialog.files')}</h3>
        {files.length > 0 ? (
          <Rows rows={files} title={t('compareDialog.files')} />
        ) : (
          <div className={classes['note']}>{t('compareDialog.filesSame')}</div>
        )}
      </section>
    </>
  )
}

function Compare({ model, start }: { model: Model; start: { from: number; to: number } }) {
  const { t } = useTranslation('models')
  const [{ from, to }, setPair] = useState(start)
  const { name } = model
  const ask = useCallback(
    (signal: AbortSignal) => getClient().storage.models.diff({ name, from, to }, { signal }),
    [name, from, to],
  )
  const { value, error, again } = useAsked(ask)
  const choices = [...model.versions]
    .sort((a, b) => b - a)
    .map((version) => ({ value: String(version), label: t('version', { version }) }))
  return (
    <div className={classes['form']}>
      <div className={classes['pair']}>
        <Select
          label={t('compareDialog.from')}
          allowDeselect={false}
          data={choices}
          value={String(from)}
          onChange={(value) => value && setPair({ from: Number(value), to })}
        />
        <Tooltip label={t('compareDialog.swap')}>
          <ActionIcon
            variant="default"
            aria-label={t('compareDialog.swap')}
            onClick={() => setPair({ from: to, to: from })}
          >
            <IconArrowsExchange size={16} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
        <Select
          label={t('compareDialog.to')}
          allowDeselect={false}
          data={choices}
          value={String(to)}
          onChange={(value) => value && setPair({ from, to: Number(value) })}
        />
      </div>
      {error ? (
        <ErrorState error={error} onRetry={again} />
      ) : value ? (
        <Comparison diff={value} />
      ) : (
        <div className={classes['note']}>{t('loading')}</div>
      )}
    </div>
  )
}

/** What changed between two versions, first in words for those who call them. */
export function CompareDialog(props: {
  model: Model
  pair: { from: number; to: number } | null
  onClose: () => void
}) {
  const { t } = useTranslation('models')
  return (
    <Modal opened={props.pair !== null} onClose={props.onClose} title={t('compareDialog.title')} size={640}>
      {props.pair && <Compare model={props.model} start={props.pair} />}
    </Modal>
  )
}
