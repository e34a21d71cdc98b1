import { MantineProvider } from '@mantine/core'
import { renderToString } from 'react-dom/server'
import { expect, it, vi } from 'vitest'
import { BusyButton, SubmitButton } from './action-button'

// The words of errors are in the language of the browser.
vi.hoisted(() => vi.stubGlobal('navigator', { languages: ['en'] }))

const drawn = (props: { busy: boolean; disabled?: boolean }) =>
  /<button[^>]*>/.exec(
    renderToString(
      <MantineProvider>
        <BusyButton {...props} onClick={() => undefined}>
          Stop
        </BusyButton>
      </MantineProvider>,
    ),
  )?.[0]

it('a busy button is not disabled, so that it keeps the focus; it says that it takes no click', () => {
  expect(drawn({ busy: true })).not.toMatch(/ disabled=/)
  expect(drawn({ busy: true })).toContain('aria-disabled="true"')
  expect(drawn({ busy: false })).not.toContain('aria-disabled')
  expect(drawn({ busy: false, disabled: true })).toMatch(/ disabled=/)
})

it('a form is not sent once more while that works', () => {
  const sends = (busy: boolean) => {
    const click = { preventDefault: vi.fn() }
    BusyButton(SubmitButton({ busy, children: 'Save' }).props).props.onClick(click)
    return click.preventDefault.mock.calls.length === 0
  }
  expect(sends(false)).toBe(true)
  expect(sends(true)).toBe(false)
})
