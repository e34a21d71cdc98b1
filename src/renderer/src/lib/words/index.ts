import type { Job, Lease, WaitCause } from '@shared/contract'
import { shortId } from '@shared/domain/ids'
import { entriesOf, ResourceVector } from '@shared/domain/resources'
import { formatBytes, formatDuration } from '@shared/domain/units'
import type { FindingCode } from '@shared/findings'
import { fill, sayFrom } from '@shared/words/say'
import { sayEnglish, vectorWords, waitWords } from '@shared/words/wait-words'
import i18next from 'i18next'
import { systemNow } from '../clock'
import { type CodedText, codedZh } from './coded-zh'
import { phraseIn } from './phrases'
import { phrasesZh } from './phrases-zh'
import { waitZh } from './wait-zh'

/** What the system says in English has its other languages here; what is missing in one stays English. */
const CODED: Record<string, Record<string, CodedText>> = {
  zh: codedZh satisfies Record<FindingCode, CodedText>,
}
const PHRASES: Record<string, Readonly<Record<string, string>>> = { zh: phrasesZh }

const sayWaitZh: typeof sayEnglish = sayFrom(waitZh)

/** An error or a finding. */
interface Coded {
  code: string
  message: string
  details?: Readonly<Record<string, unknown>> | undefined
}

/** Why a job waits, in the language of the window; null when it does not. */
export function waitReason(
  { waitCauses }: Pick<Job, 'waitCauses'>,
  language = i18next.language,
): string | null {
  const causes = waitCauses.map((cause) => withPurposes(withShortIds(cause), language))
  return waitWords(causes, sayWait(language), systemNow())
}

const WHOLE_ID = /^j-[0-9a-z]{9,}$/

/** Ids as the lists of the window show them. */
function withShortIds(cause: WaitCause): WaitCause {
  if (cause.kind !== 'dependencies') return cause
  return { ...cause, jobs: cause.jobs.map((job) => (WHOLE_ID.test(job) ? shortId(job) : job)) }
}

/** What is held for no job is for something that the system has words for. */
function withPurposes(cause: WaitCause, language: string): WaitCause {
  if (!('holders' in cause)) return cause
  const holders = cause.holders.map((holder) =>
    holder.kind === 'lease' && holder.name !== null
      ? { ...holder, name: phraseWords(holder.name, language) }
      : holder,
  )
  return { ...cause, holders }
}

/** What a lease is for, in the language of the window; a job has its own name. */
export function purposeWords(
  { job, purpose }: Pick<Lease, 'job' | 'purpose'>,
  language = i18next.language,
): string {
  return job === null ? phraseWords(purpose, language) : purpose
}

/** How much of what: `2 CPU cores and 4 GB of memory`, in the language of the window. */
export function amountWords(amounts: ResourceVector, language = i18next.language): string {
  return vectorWords(amounts, sayWait(language))
}

/** What an error or a finding says, in the language of the window. */
export function codedWords({ code, message, details = {} }: Coded, language = i18next.language): string {
  const text = CODED[language]?.[code]
  if (!text) return message
  const whole = text.whole && filled(text.whole, details, language)
  if (whole) return whole
  const phrase = phraseWords(message, language)
  return phrase === message ? `${text.lead}：${message}` : phrase
}

/** A sentence of the system, whatever it is of, in the language of the window. */
export function phraseWords(sentence: string, language = i18next.language): string {
  const phrases = PHRASES[language]
  return phrases ? phraseIn(phrases, sentence) : sentence
}

function sayWait(language: string): typeof sayEnglish {
  return language === 'zh' ? sayWaitZh : sayEnglish
}

/** Null where a value is not there. */
function filled(text: string, details: Readonly<Record<string, unknown>>, language: string): string | null {
  const values: Record<string, string> = {}
  for (const [, name = ''] of text.matchAll(/\{\{(\w+)\}\}/g)) {
    const words = valueWords(name, details[name], language)
    if (words === null) return null
    values[name] = words
  }
  return fill(text, values)
}

/** The name of a value tells its unit. */
function valueWords(name: string, value: unknown, language: string): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number') {
    if (name.endsWith('Bytes')) return formatBytes(value)
    return name.endsWith('Ms') ? formatDuration(value) : String(value)
  }
  const vector = ResourceVector.safeParse(value)
  if (!vector.success || entriesOf(vector.data).length === 0) return null
  return amountWords(vector.data, language)
}
