import type { TFunction } from 'i18next'
import { formatBytes } from '../../../lib/format'
import type { InputProblem } from './input-problem'

/** A problem as a sentence in the person's language; sizes in bytes made short. */
export function problemText(t: TFunction<'jobs'>, problem: InputProblem): string {
  const values: Record<string, string | number> = { ...problem.values }
  for (const key of ['bytes', 'maxBytes']) {
    const bytes = values[key]
    if (typeof bytes === 'number') values[key] = formatBytes(bytes)
  }
  const text = t(`problem.${problem.key}`, values)
  const { item, input } = values
  return item !== undefined &&
    input !== undefined &&
    problem.key !== 'unknownInput' &&
    problem.key !== 'missingInput'
    ? t('problem.inItem', { item, input, problem: text })
    : text
}
