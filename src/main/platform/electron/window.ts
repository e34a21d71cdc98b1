import { join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BrowserWindow, ipcMain, nativeTheme, net, protocol, screen, session, shell } from 'electron'
import { contentSecurityPolicy } from '../../network'
import { visiblePlace, type WindowPlace } from './place'
import { offerTextMenu } from './text-menu'

const HOST = 'control-center'
const ORIGIN = `app://${HOST}`

/** Must run before the app is ready: makes `app://` a standard, secure origin of its own. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ])
}

/**
 * Serves the built window from `rendererDir` under `app://`, with a strict policy and no permissions.
 * @param download answers the addresses that the window saves to a file; null for all others
 */
export function serveWindow(
  rendererDir: string,
  download: (request: Request) => Promise<Response | null>,
): void {
  protocol.handle('app', async (request) => {
    // Node knows no origin of a scheme of one's own; the host says the same.
    const { host, pathname } = new URL(request.url)
    if (host === HOST && pathname.startsWith('/api/')) {
      const answer = await download(request).catch(() => null)
      return answer ?? new Response(null, { status: 404 })
    }
    const path = join(rendererDir, decodeURIComponent(pathname === '/' ? '/index.html' : pathname))
    if (host !== HOST || !path.startsWith(rendererDir + sep)) return new Response(null, { status: 404 })
    const response = await net.fetch(pathToFileURL(path).href).catch(() => null)
    if (!response?.ok) return new Response(null, { status: 404 })
    const headers = new Headers(response.headers)
    headers.set('content-security-policy', contentSecurityPolicy("'self'"))
    headers.set('x-content-type-options', 'nosniff')
    return new Response(response.body, { headers })
  })
  session.defaultSession.setPermissionRequestHandler((_contents, permission, decide) =>
    decide(permission === 'clipboard-sanitized-write'),
  )
}

/** Ports of our own window's main frame; any other frame or origin gets no answer. */
export function onWindowPort(connect: (port: Electron.MessagePortMain) => void): void {
  ipcMain.on('llmagentos:connect', (event) => {
    const [port] = event.ports
    const isOurs =
      event.senderFrame === event.sender.mainFrame && event.senderFrame?.url.startsWith(`${ORIGIN}/`)
    if (!port || !isOurs) return
    connect(port)
  })
}

export function openWindow(preload: string, icon: string, saved: WindowPlace): BrowserWindow {
  const workAreas = screen.getAllDisplays().map(({ workArea }) => workArea)
  const { maximized, ...bounds } = visiblePlace(saved, workAreas)
  const window = new BrowserWindow({
    title: 'LLMAgentOS Control Center',
    ...bounds,
    minWidth: 760,
    minHeight: 520,
    show: false,
    icon,
    backgroundColor: nativeTheme.shouldUseDarkColors ? '#242424' : '#ffffff',
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  })
  window.once('ready-to-show', () => {
    if (maximized) window.maximize()
    window.show()
  })
  window.webContents.setWindowOpenHandler(({ url }) => {
    if (url.startsWith('https://')) void shell.openExternal(url)
    return { action: 'deny' }
  })
  // A file dropped outside our drop target must not replace the window.
  window.webContents.on('will-navigate', (event, url) => {
    if (!url.startsWith(`${ORIGIN}/`)) event.preventDefault()
  })
  offerTextMenu(window)
  void window.loadURL(`${ORIGIN}/`)
  return window
}
