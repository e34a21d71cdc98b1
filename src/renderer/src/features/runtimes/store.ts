import { createPolledStore } from '../../lib/poll'

/** What runs here, and what is loaded; its memory changes by itself. */
export const useRuntimes = createPolledStore(
  async (client, signal) => (await client.compute.runtimes.list({}, { signal })).items,
  2_000,
)

/** It changes only when the system starts anew. */
export const useEnforcement = createPolledStore(
  async (client, signal) => (await client.compute.runtimes.enforcement({}, { signal })).items,
  30_000,
)

/** Runtimes of third parties. */
export const usePlugins = createPolledStore(
  async (client, signal) => (await client.compute.plugins.list({}, { signal })).items,
  5_000,
)

/** After how long an idle engine is unloaded. */
export const useIdleMs = createPolledStore(
  async (client, signal) => (await client.system.settings.get(undefined, { signal })).engineIdleMs,
  30_000,
)
