import { implementer } from '../base'
import type { Modules } from '../modules'

export function systemHandlers({ about }: Modules) {
  const os = implementer.system
  return os.router({
    health: os.health.handler(() => about.health()),
    info: os.info.handler(() => about.info()),
    settings: {
      get: os.settings.get.handler(() => about.settings()),
      update: os.settings.update.handler(({ input }) => about.updateSettings(input)),
    },
  })
}
