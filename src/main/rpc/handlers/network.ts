import { implementer } from '../base'
import type { Modules } from '../modules'
import { whole } from '../paging'

export function networkHandlers({ network }: Modules) {
  const os = implementer.network
  return os.router({
    endpoints: {
      list: os.endpoints.list.handler(() => whole(network.listEndpoints())),
      update: os.endpoints.update.handler(({ input }) => network.setEndpoint(input.id, input.enabled)),
    },
    sessions: os.sessions.handler(() => whole(network.listSessions())),
  })
}
