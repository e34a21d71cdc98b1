import { useRoute } from '../../lib/router'
import { ROUTES } from '../routes'

export function Shell() {
  const { page } = useRoute()
  const { Page } = ROUTES[page]
  return (
    <main style={{ height: '100%' }}>
      <Page />
    </main>
  )
}
