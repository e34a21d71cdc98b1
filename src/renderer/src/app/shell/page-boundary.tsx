import { Button } from '@mantine/core'
import { IconMoodSad } from '@tabler/icons-react'
import { Component, type ReactNode } from 'react'
import { EmptyState } from '../../components'
import { i18n } from '../../lib/i18n'

/** Keeps the rest of the window alive when a page throws. */
export class PageBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true }
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children
    return (
      <EmptyState
        icon={IconMoodSad}
        title={i18n.t('shell:crashed')}
        text={i18n.t('shell:crashedText')}
        action={<Button onClick={() => this.setState({ failed: false })}>{i18n.t('shell:reload')}</Button>}
      />
    )
  }
}
