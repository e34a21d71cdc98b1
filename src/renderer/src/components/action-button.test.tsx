import { MantineProvider } from '@mantine/core'
import { renderToString } from 'react-dom/server'
import { expect, it, vi } from 'vitest'
import { BusyButton } from './action-button'

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
