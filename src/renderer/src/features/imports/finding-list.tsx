import type { Finding } from '@shared/contract'
import { IconAlertTriangle, IconCircleX, IconInfoCircle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { codedWords } from '../../lib/words'
import classes from './imports.module.css'
import { sortFindings } from './words'

const ICONS = { reject: IconCircleX, warn: IconAlertTriangle, info: IconInfoCircle }

/** What was found in files, the gravest first: how grave, what it means, in which file. */
export function FindingList({ findings }: { findings: readonly Finding[] }) {
  const { t } = useTranslation('imports')
  return (
    <ul className={classes['findings']} aria-label={t('findings')}>
      {sortFindings(findings).map((finding) => {
        const Icon = ICONS[finding.severity]
        return (
          <li
            key={`${finding.code} ${finding.file} ${finding.message}`}
            className={classes['finding']}
            data-severity={finding.severity}
          >
            <Icon size={17} stroke={1.6} aria-hidden="true" />
            <div className={classes['findingText']}>
              <strong>{t(`severity.${finding.severity}`)}</strong>
              <div>
                <bdi>{codedWords(finding)}</bdi>
              </div>
              <div className={classes['quiet']}>
                <bdi>{finding.file}</bdi> · <code>{finding.code}</code>
              </div>
            </div>
          </li>
        )
      })}
    </ul>
  )
}
