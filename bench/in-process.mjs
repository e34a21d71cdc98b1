import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root, temporaryFolder } from './support.mjs'

/** The built system within this process, on a data folder of its own: what costs without a transport. */
export async function createInProcess() {
  const { createSystem } = createRequire(import.meta.url)(join(root, 'out/main/system.cjs'))
  const folder = await temporaryFolder()
  const quiet = () => undefined
  const system = await createSystem({
    dataDir: folder.path,
    port: 0,
    ownerName: 'bench',
    ownerKey: 'owner-key-of-the-benchmark-0123456789',
    logger: {
      level: 'error',
      trace: quiet,
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: console.error,
      fatal: console.error,
    },
    workersDir: join(root, 'out/main/workers'),
    resourcesDir: join(root, 'resources'),
    rendererDir: null,
  })
  await system.start()
  await system.computeReady()
  // Trying the runtimes at the start keeps both cores of a small machine busy for seconds.
  while (system.compute.runtimes().some(({ beingTried }) => beingTried)) await sleep(50)
  const by = system.security.owner().principal
  const defaults = {
    priority: 50,
    maxAttempts: 1,
    dependsOn: [],
    runWhen: 'succeeded',
    labels: {},
    hold: false,
    waitMs: 0,
  }
  return {
    core: system.core,
    compute: system.compute,
    submit: (spec, principal = by) => system.compute.submit({ ...defaults, ...spec }, principal),
    onDidChangeJobs: (listener) => system.compute.onDidChangeJobs(listener),
    updateSettings: (change) => system.about.updateSettings(change),
    async importModel(path, name) {
      let task = await system.storage.startImport({ kind: 'path', path, name }, by)
      while (task.state === 'running') {
        await sleep(10)
        task = system.storage.getImport(task.id)
      }
      if (task.state !== 'completed') throw new Error(`import ${task.state}`)
    },
    async stop() {
      await system.stop(1000)
      await folder.dispose()
    },
  }
}
