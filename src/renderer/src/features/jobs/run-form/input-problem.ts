/** What can be wrong with what a person typed or chose; each has a sentence in `texts.ts` under `jobs.problem.*`. */
export type ProblemKey =
  | 'count'
  | 'rank'
  | 'dimension'
  | 'ragged'
  | 'json'
  | 'number'
  | 'integer'
  | 'range'
  | 'boolean'
  | 'text'
  | 'type'
  | 'fileType'
  | 'fileSize'
  | 'fileTooLarge'
  | 'fileMissing'
  | 'npy'
  | 'items'
  | 'itemCount'
  | 'unknownInput'
  | 'missingInput'
  | 'tooMuch'

/** A mistake in the form, not a failure of the program: the window shows it beside its field, in the person's language. */
export class InputProblem extends Error {
  override readonly name = 'InputProblem'

  constructor(
    readonly key: ProblemKey,
    readonly values: Readonly<Record<string, string | number>> = {},
  ) {
    super(`${key} ${JSON.stringify(values)}`)
  }
}
