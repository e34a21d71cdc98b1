import { getClient } from '../../lib/client'
import { hostBridge } from '../../lib/host'
import { useTaskCentre } from '../../lib/imports'
import { answeredError } from '../../lib/transport'

/**
 * Imports files as the next version of a model: by path in the desktop window, by upload in a browser.
 * @throws what the system refuses
 */
export async function importVersion(model: string, files: readonly File[]): Promise<void> {
  const [first] = files
  if (!first) return
  useTaskCentre.getState().setOpened(true)
  const path = hostBridge()?.pathForFile(first)
  if (path) {
    await getClient().storage.imports.start({ path, name: model })
    return
  }
  const form = new FormData()
  for (const file of files) form.append('file', file, file.name)
  const response = await fetch(`/api/imports?name=${encodeURIComponent(model)}`, {
    method: 'POST',
    body: form,
  })
  if (!response.ok) throw await answeredError(response)
}
