import type { DetailedError, ValidationAnswer } from '@cedar-policy/cedar-wasm/nodejs'
import type { PolicyProblem } from '../../../shared/contract'

/** Of the problems of one text: more than anybody reads, and each takes a look through the text. */
const MOST_PROBLEMS = 100

/**
 * What the validator found, as sentences with a place. A policy that can never apply, or whose text reads other than
 * it is (look-alike or right-to-left characters), is a problem as well: it would protect or permit nothing.
 */
export function problemsOf(text: string, answer: ValidationAnswer): PolicyProblem[] {
  if (answer.type === 'failure') return toProblems(text, answer.errors)
  // A policy with an error is also reported as impossible; the error alone says it better.
  const found = answer.validationErrors.length > 0 ? answer.validationErrors : answer.validationWarnings
  return toProblems(
    text,
    found.map(({ error }) => error),
  )
}

function toProblems(text: string, errors: DetailedError[]): PolicyProblem[] {
  const bytes = Buffer.from(text)
  return unique(errors.slice(0, MOST_PROBLEMS).map((error) => toProblem(text, bytes, error)))
}

/** @param error its places are byte offsets into the UTF-8 of `text` */
function toProblem(text: string, bytes: Buffer, error: DetailedError): PolicyProblem {
  const place = error.sourceLocations?.[0]
  const message = error.message
    .replace(/^failed to parse polic[^:]*: /, '')
    .replace(/^for policy `policy\d+`[,:] /, '')
  const hints = [place?.label, error.help].filter((hint): hint is string => Boolean(hint))
  const hint = hints.join('; ').replace(/for policy `policy\d+`[,:] /g, '')
  const sentence = message === 'static policy set includes a template' ? NO_TEMPLATES : message
  const position = place
    ? positionAt(text, bytes.subarray(0, place.start).toString().length)
    : { line: null, column: null }
  return { message: hint ? `${sentence} (${hint})` : sentence, ...position }
}

const NO_TEMPLATES = 'slots such as ?principal are not supported: name the principal or the resource'

/** @param index in UTF-16 units; lines and columns count from 1 */
export function positionAt(text: string, index: number): { line: number; column: number } {
  const lines = text.slice(0, index).split('\n')
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
}

function unique(problems: PolicyProblem[]): PolicyProblem[] {
  const seen = new Map(problems.map((problem) => [JSON.stringify(problem), problem]))
  return [...seen.values()]
}
