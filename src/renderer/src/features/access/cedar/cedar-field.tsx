import type { PolicyProblem } from '@shared/contract'
import { type RefObject, useImperativeHandle, useMemo, useRef } from 'react'
import classes from '../access.module.css'
import { offsetOf, tokensOf } from './tokens'

/** What the parts around the field may do with it. */
export interface CedarFieldHandle {
  goTo(line: number, column: number): void
  insert(text: string): void
}

export interface CedarFieldProps {
  label: string
  value: string
  onChange?: (text: string) => void
  readOnly?: boolean
  problems?: readonly PolicyProblem[]
  placeholder?: string
  /** Its height in lines; without it the field takes what is left. */
  lines?: number
  /** Save: Ctrl+S, or Command+S. */
  onSave?: () => void
  handle?: RefObject<CedarFieldHandle | null>
}

const LINE_PX = 18

/** A text field for policies: line numbers, colours, and a mark at each line with a problem. */
export function CedarField(props: CedarFieldProps) {
  const { value, onChange, problems = [], lines } = props
  const field = useRef<HTMLTextAreaElement>(null)
  const gutter = useRef<HTMLDivElement>(null)
  const colours = useRef<HTMLPreElement>(null)
  const tokens = useMemo(() => tokensOf(value), [value])
  const lineCount = useMemo(() => value.split('\n').length, [value])
  const marked = useMemo(() => new Set(problems.map(({ line }) => line)), [problems])

  useImperativeHandle(
    props.handle,
    () => ({
      goTo(line, column) {
        const text = field.current
        if (!text) return
        const start = offsetOf(text.value, line, column)
        text.focus()
        text.setSelectionRange(start, Math.min(text.value.length, start + 1))
        text.scrollTop = Math.max(0, (line - 3) * LINE_PX)
      },
      insert(piece) {
        const text = field.current
        if (!text || text.readOnly) return
        text.focus()
        text.setRangeText(piece, text.selectionStart, text.selectionEnd, 'end')
        onChange?.(text.value)
      },
    }),
    [onChange],
  )

  // The numbers and the colours lie still; they follow the field.
  const follow = () => {
    const { scrollTop = 0, scrollLeft = 0 } = field.current ?? {}
    if (gutter.current) gutter.current.style.transform = `translateY(${-scrollTop}px)`
    if (colours.current) colours.current.style.transform = `translate(${-scrollLeft}px, ${-scrollTop}px)`
  }

  return (
    <div
      className={classes['cedar']}
      data-invalid={problems.length > 0 || undefined}
      style={lines ? { flex: 'none', height: lines * LINE_PX + 18 } : undefined}
    >
      <div className={classes['cedarGutter']} aria-hidden="true">
        <div ref={gutter}>
          {Array.from({ length: lineCount }, (_, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
            <div key={i} data-problem={marked.has(i + 1) || undefined}>
              {marked.has(i + 1) ? `● ${i + 1}` : i + 1}
            </div>
          ))}
        </div>
      </div>
      <div className={classes['cedarBody']}>
        <div style={{ position: 'absolute', inset: 0, overflow: 'hidden' }} aria-hidden="true">
          <pre ref={colours} className={classes['cedarColours']} style={{ overflow: 'visible' }}>
            {tokens.map((token, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: tokens are their positions
              <span key={i} className={classes[token.kind]}>
                {token.text}
              </span>
            ))}
          </pre>
        </div>
        <textarea
          ref={field}
          className={classes['cedarText']}
          aria-label={props.label}
          aria-invalid={problems.length > 0}
          value={value}
          readOnly={props.readOnly}
          placeholder={props.placeholder}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          maxLength={100_000}
          wrap="off"
          onScroll={follow}
          onChange={(event) => onChange?.(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (!props.onSave || event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey)) return
            event.preventDefault()
            props.onSave()
          }}
        />
      </div>
    </div>
  )
}
