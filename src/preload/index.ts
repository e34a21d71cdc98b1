import { contextBridge, ipcRenderer, webUtils } from 'electron'

// Hands the window one end of a MessagePort; everything else goes through it, typed by the contract.
window.addEventListener('message', (event) => {
  if (event.source !== window || event.data !== 'llmagentos:connect') return
  const { port1, port2 } = new MessageChannel()
  ipcRenderer.postMessage('llmagentos:connect', null, [port2])
  window.postMessage('llmagentos:port', window.origin, [port1])
})

contextBridge.exposeInMainWorld('llmagentos', {
  platform: process.platform,
  /** The path of a dropped or chosen file; Electron before 32 has it on the file itself. */
  pathForFile: (file: File & { path?: string }): string => webUtils?.getPathForFile(file) ?? file.path ?? '',
})
