import { implementer } from '../base'
import type { Modules } from '../modules'
import { paged } from '../paging'

export function networkHandlers({ network }: Modules) {
  const os = implementer.network
  return os.router({
    endpoints: {
      list: os.endpoints.list.handler(({ input }) => paged(network.listEndpoints(), input)),
      update: os.endpoints.update.handler(({ input }) => network.setEndpoint(input.id, input.enabled)),
    },
    sessions: os.sessions.handler(({ input }) => paged(network.listSessions(), input)),
  })
}
