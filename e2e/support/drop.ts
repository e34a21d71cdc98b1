import type { CDPSession, Locator } from '@playwright/test'

/** Drops real files or folders as a file manager does, path and all. */
export async function drop(cdp: CDPSession, files: string[], target: Locator): Promise<void> {
  await target.scrollIntoViewIfNeeded()
  const box = await target.boundingBox()
  if (!box) throw new Error('nothing to drop on')
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
  const data = { items: [], files, dragOperationsMask: 1 }
  // A drop counts only once the page has said that it takes it: a frame later a move carries its answer to the one before.
  for (const type of ['dragEnter', 'dragOver', 'dragOver', 'drop'] as const) {
    await cdp.send('Input.dispatchDragEvent', { type, ...at, data })
    await target.page().evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)))
  }
}
