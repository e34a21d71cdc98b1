import type { ModelVersion } from '@shared/contract'
import type { TensorSpec } from '@shared/domain/tensor'
import { useTranslation } from 'react-i18next'
import {
  Bytes,
  type Fact,
  Facts,
  IdText,
  Mono,
  Panel,
  RelativeTime,
  Snippet,
  StateDot,
} from '../../components'
import { formatNumber } from '../../lib/format'
import { localeOf, useLanguage } from '../../lib/i18n'
import { usePrincipalNames } from '../../lib/principal-names'
import { useSystemInfo } from '../../lib/stores'
import { codedWords } from '../../lib/words'
import { knownInputs } from '../jobs'
import { FORMAT_NAMES, metadataName, metadataNumber, metadataText, otherMetadata, shortDigest } from './about'
import { callSnippet, writes } from './curl'
import classes from './models.module.css'

function SpecRow({ spec, direction }: { spec: TensorSpec; direction: string }) {
  const { t } = useTranslation('models')
  const shape = spec.shape.map((size) => (size === null || size === '' ? '?' : size)).join(', ')
  return (
    <tr>
      <td>{direction}</td>
      <th scope="row">{spec.name}</th>
      <td>{spec.dtype}</td>
      <td>
        {spec.shape.length === 0 ? <Mono dimmed>{t('signature.scalar')}</Mono> : <Mono>[{shape}]</Mono>}
      </td>
    </tr>
  )
}

/** What goes in and what comes out. */
export function SignaturePanel({ version }: { version: ModelVersion }) {
  const { t } = useTranslation('models')
  const { inputs, outputs } = version.signature
  if (inputs.length + outputs.length === 0) {
    return <Panel title={t('signature.title')}>{t('signature.none')}</Panel>
  }
  return (
    <Panel title={t('signature.title')}>
      <table className={classes['table']} aria-label={t('signature.title')}>
        <tbody>
          {inputs.map((spec) => (
            <SpecRow key={spec.name} spec={spec} direction={t('signature.in')} />
          ))}
          {outputs.map((spec) => (
            <SpecRow key={spec.name} spec={spec} direction={t('signature.out')} />
          ))}
        </tbody>
      </table>
    </Panel>
  )
}

/** Where a version comes from and what its file tells about it. */
export function AboutPanel({ version }: { version: ModelVersion }) {
  const { t } = useTranslation('models')
  const locale = localeOf(useLanguage((state) => state.language))
  const nameOf = usePrincipalNames()
  const parameters = metadataNumber(version, 'parameters')
  const opset = metadataText(version, 'opset')
  const producer = [metadataText(version, 'producer'), metadataText(version, 'producerVersion')]
    .filter(Boolean)
    .join(' ')
  const { findings } = version
  const rows: Fact[] = [
    [
      t('about.size'),
      <span key="size">
        <Bytes value={version.sizeBytes} />
        {parameters !== null &&
          ` · ${t('about.parameters', { count: parameters }).replace(String(parameters), formatNumber(parameters, locale))}`}
      </span>,
    ],
    [
      t('about.format'),
      [FORMAT_NAMES[version.format], opset === null ? null : t('about.opset', { opset })]
        .filter(Boolean)
        .join(' · '),
    ],
    ...(version.framework ? [[t('about.framework'), version.framework] as const] : []),
    ...(producer ? [[t('about.producer'), producer] as const] : []),
    [
      t('about.digest'),
      <IdText key="digest" id={version.digest} text={`sha256 ${shortDigest(version.digest)}`} />,
    ],
    [t('about.licence'), metadataText(version, 'license', 'licence') ?? t('about.licenceNone')],
    [
      t('about.findings'),
      findings.length === 0 ? (
        t('about.findingsNone')
      ) : (
        <div key="findings" className={classes['findings']}>
          {findings.map((finding) => (
            <div key={`${finding.code}${finding.file}`}>
              <StateDot state={finding.severity} /> {codedWords(finding)}
            </div>
          ))}
        </div>
      ),
    ],
    [t('about.source'), version.lineage.source],
    [
      t('about.added'),
      <span key="added">
        <RelativeTime at={version.createdAt} /> · {t('addedBy', { name: nameOf(version.createdBy) })}
      </span>,
    ],
    ...otherMetadata(version).map(
      ({ key, text }): Fact => [
        metadataName(t, key),
        <span key={key} className={classes['metadata']} title={text}>
          {text}
        </span>,
        `metadata ${key}`,
      ],
    ),
  ]
  return (
    <Panel title={t('about.title')}>
      <Facts rows={rows} />
    </Panel>
  )
}

export function FilesPanel({ version }: { version: ModelVersion }) {
  const { t } = useTranslation('models')
  return (
    <Panel title={t('files.title')}>
      <ul className={classes['list']}>
        {version.files.map((file) => (
          <li key={file.path} className={classes['item']}>
            <span className={classes['grow']} title={file.path}>
              {file.path}
            </span>
            <IdText id={file.digest} text={shortDigest(file.digest)} />
            <Bytes value={file.sizeBytes} />
          </li>
        ))}
      </ul>
    </Panel>
  )
}

/** A command that runs this version over the API. */
export function CallPanel({ version, reference }: { version: ModelVersion; reference: string }) {
  const { t } = useTranslation('models')
  const apiUrl = useSystemInfo((state) => state.value?.apiUrl)
  if (!apiUrl) return <Panel title={t('call.title')}>{t('call.off')}</Panel>
  return (
    <Snippet
      title={t('call.title')}
      label={t('call.label', { reference })}
      text={callSnippet(apiUrl, reference, version, knownInputs(version.model, version.version))}
      note={t(writes(version) ? 'call.textGenerate' : 'call.text')}
    />
  )
}
