import { PAGES, type PageName } from '../../lib/router'

/** The page that Alt with a digit leads to; not while a person types on a Mac, where that may be how a bracket is typed. */
export function numberedPage(
  { altKey, code }: Pick<KeyboardEvent, 'altKey' | 'code'>,
  typesOnMac: boolean,
): PageName | undefined {
  if (!altKey || typesOnMac || !/^Digit\d$/.test(code)) return undefined
  return PAGES[(Number(code.slice(-1)) + 9) % 10]
}
