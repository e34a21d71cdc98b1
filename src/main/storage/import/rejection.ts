import type { Finding } from '../../../shared/contract'
import type { ErrorCode } from '../../../shared/errors'

/** The content is at fault, not the machine: the import ends as `rejected` with this finding. */
export class Rejection extends Error {
  override readonly name = 'Rejection'
  readonly code: ErrorCode
  readonly file: string

  constructor(code: ErrorCode, message: string, file: string) {
    super(message)
    this.code = code
    this.file = file
  }

  toFinding(): Finding {
    return { severity: 'reject', code: this.code, message: this.message, file: this.file }
  }
}

/** Text from a file as it may stand in a sentence: no control or direction characters, and not endless. */
export function quoted(text: string, limit = 120): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD')
  return `"${plain.length > limit ? `${plain.slice(0, limit)}...` : plain}"`
}
