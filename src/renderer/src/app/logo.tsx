import { useId } from 'react'

/** The mark: three layers on indigo that runs to teal. */
export function Logo(props: { size?: number }) {
  const id = useId()
  const size = props.size ?? 24
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true">
      <defs>
        <linearGradient id={id} x1="2" y1="0" x2="22" y2="24" gradientUnits="userSpaceOnUse">
          <stop stopColor="#4c6ef5" />
          <stop offset="1" stopColor="#20c997" />
        </linearGradient>
      </defs>
      <rect width="24" height="24" rx="6" fill={`url(#${id})`} />
      <g stroke="#fff" strokeWidth="1.5" strokeLinejoin="round" strokeLinecap="round">
        <path d="m12 6 5.5 2.75L12 11.5 6.5 8.75Z" />
        <path d="m6.5 12 5.5 2.75L17.5 12" />
        <path d="m6.5 15.25 5.5 2.75 5.5-2.75" />
      </g>
    </svg>
  )
}
