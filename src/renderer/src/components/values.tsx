import { useNow } from '../lib/clock'
import { formatBytes, formatDuration, formatExact, formatNumber, formatRelative } from '../lib/format'
import { localeOf, useLanguage } from '../lib/i18n'

function useLocale(): string {
  return localeOf(useLanguage((state) => state.language))
}

/** A size in short; the exact number of bytes on hover. */
export function Bytes(props: { value: number }) {
  const locale = useLocale()
  return (
    <span data-figures title={`${formatNumber(props.value, locale, 0)} B`}>
      {formatBytes(props.value)}
    </span>
  )
}

/** A length of time in short; exact milliseconds on hover. A dash for null. */
export function Duration(props: { ms: number | null | undefined }) {
  const locale = useLocale()
  if (props.ms === null || props.ms === undefined) return <span>–</span>
  return (
    <span data-figures title={`${formatNumber(props.ms, locale, 3)} ms`}>
      {formatDuration(props.ms)}
    </span>
  )
}

/** A time as distance from now, kept fresh; the exact time on hover. A dash for null. */
export function RelativeTime(props: { at: string | null | undefined }) {
  const nowMs = useNow()
  const locale = useLocale()
  if (!props.at) return <span>–</span>
  return (
    <time dateTime={props.at} title={formatExact(props.at, locale)}>
      {formatRelative(Date.parse(props.at), nowMs, locale)}
    </time>
  )
}
